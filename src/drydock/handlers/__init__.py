"""Turn requests into calls of the state and results into answers, one module per resource."""
