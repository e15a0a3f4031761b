"""A CSV file to a series on an even calendar: what a run reads."""
