"""Runs inside the image: what it must and must not hold."""

import importlib.metadata
from pathlib import Path

found = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
assert found == {"six": "1.17.0"}, found
assert Path("/app/counter/__main__.py").exists()
assert not Path("/app/trainer").exists()
print("verified")
