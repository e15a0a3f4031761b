"""Champion and challenger: both forecast what neither has seen, and a test decides."""
