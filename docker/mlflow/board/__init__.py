"""MLflow's own pages over a folder of runs."""
