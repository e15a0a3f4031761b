"""Runs inside the image: what it must and must not hold."""

import importlib.metadata
from pathlib import Path

found = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
assert found == {"six": "1.17.0"}, found
assert Path("/app/counter/__main__.py").exists()
assert Path("/app/counter/words.so").exists()
assert not Path("/app/counter/words.c").exists()
assert not Path("/app/trainer").exists()
assert not [p for top in ("/app", "/root", "/usr", "/venv") for p in Path(top).rglob("ziglang*")]
print("verified")
