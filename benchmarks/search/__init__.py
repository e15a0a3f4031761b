"""The search for a model measured beside other engines; `python -m search` prints the table."""
