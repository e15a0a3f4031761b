"""One conda file, one lock, one container: built and tested here, trained anywhere."""

__version__ = "0.1.0"
