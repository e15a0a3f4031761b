"""Find an order: how often to difference, which lags, and what the backtest says."""
