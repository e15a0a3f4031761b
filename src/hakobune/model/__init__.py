"""Frozen values that travel from stage to stage. No I/O."""
