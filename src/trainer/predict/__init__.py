"""The command `predict`: a model's file and a number of steps to a forecast with dates."""
