"""An order fitted to a series by the kernel, and what is expected to follow."""
