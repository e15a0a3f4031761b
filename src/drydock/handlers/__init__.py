"""HTTP to value and back, one module per resource. No behaviour lives here."""
