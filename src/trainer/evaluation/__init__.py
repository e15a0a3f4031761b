"""How good forecasts are: metrics, baselines, rolling origins, and what the errors tell."""
