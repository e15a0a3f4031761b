"""Changed model files whose seal is right all the same."""

import hashlib
import json
from typing import Any


def resealed(values: dict[str, Any]) -> bytes:
    """Return a saved model of any values, NaN and infinity too, that its seal vouches for."""
    body = {name: value for name, value in values.items() if name != "sha256"}
    digest = hashlib.sha256((json.dumps(body) + "\n").encode()).hexdigest()
    return (json.dumps(body | {"sha256": digest}) + "\n").encode()
