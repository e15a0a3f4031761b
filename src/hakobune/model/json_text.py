"""JSON from outside to values, strictly: what two programs may read differently is an error.

Python's own parser reads `1e400` as infinity, keeps the last of two equal keys, takes half
characters for text and UTF-16 for JSON, and needs memory without a bound. None of that passes here.
"""

import json
from typing import Any, NoReturn

# No document of ours is nested deeper; what writes or compares one later recurses.
DEEPEST = 64
MOST_VALUES = 250_000
LONGEST_NUMBER = 400  # digits
LARGEST = 4 << 20


def parse_json(content: bytes, *, largest: int = LARGEST, most: int = MOST_VALUES) -> Any:  # noqa: ANN401 - any JSON
    """Return the values of a JSON document. Raises ValueError, which says why it is none.

    `largest` is in bytes, `most` the number of values, keys included.
    """
    if len(content) > largest:
        raise ValueError(f"it is longer than {largest} bytes")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise ValueError(f"it is not UTF-8 (byte {exc.start})") from exc
    # Each value but the last is followed by one of these, so that memory is bounded beforehand.
    if sum(text.count(sign) for sign in ",[{:") >= most:
        raise ValueError(f"it has more than {most} values")
    try:
        found = json.loads(
            text,
            parse_constant=_no_constant,
            parse_int=_integer,
            parse_float=_number,
            object_pairs_hook=_object,
        )
    except RecursionError:
        raise ValueError(f"it is nested deeper than {DEEPEST} levels") from None
    _require_plain(found)
    return found


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _integer(word: str) -> int:
    if len(word) > LONGEST_NUMBER:
        raise ValueError(f"a number has {len(word)} digits")
    return int(word)


def _number(word: str) -> float:
    if len(word) > LONGEST_NUMBER:
        raise ValueError(f"a number has {len(word)} digits")
    value = float(word)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"the number {word[:40]} is too large")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    return found


def _require_plain(top: Any) -> None:  # noqa: ANN401 - any JSON
    """Raise ValueError for too deep a nesting and for halves of characters, without recursion."""
    waiting = [(top, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST} levels")
        if isinstance(value, str):
            _require_whole(value)
        elif isinstance(value, dict):
            for key in value:
                _require_whole(key)
            waiting += [(inner, depth + 1) for inner in value.values()]
        elif isinstance(value, list):
            waiting += [(inner, depth + 1) for inner in value]


def _require_whole(text: str) -> None:
    try:
        if not text.isascii():
            text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"the text {text[:40]!r} holds a lone surrogate") from None
