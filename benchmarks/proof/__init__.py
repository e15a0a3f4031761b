"""What reproducibility.md promises, measured: each module gives rows of a table."""
