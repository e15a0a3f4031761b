"""A finished run, told to MLflow."""
