"""The compiled part: exact likelihoods, the climb to their top, forecasts, exp and log."""
