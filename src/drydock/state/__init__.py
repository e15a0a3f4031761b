"""How each resource behaves, without HTTP. Kept as JSON files in the state folder."""
