"""The command `many`: forecasts of every series of a long table, in batches."""
