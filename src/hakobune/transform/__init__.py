"""Pure functions from text to values and from values to text. No I/O."""
