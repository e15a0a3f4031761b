"""The training program: a CSV of dates and numbers to an ARIMA model, its figures and pictures."""

__version__ = "0.1.0"
