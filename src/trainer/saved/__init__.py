"""A model's files, as a run wrote them: checked, then opened."""
