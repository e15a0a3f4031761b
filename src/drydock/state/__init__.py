"""The behaviour of each resource, without HTTP, kept as JSON files in the state folder."""
