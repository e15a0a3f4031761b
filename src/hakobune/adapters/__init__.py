"""One file per outside thing. An adapter returns text or bytes and translates failures."""
