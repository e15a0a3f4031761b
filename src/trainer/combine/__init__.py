"""The default forecast: ARIMA, exponential smoothing and Theta combined, for one series."""
