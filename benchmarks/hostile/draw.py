"""Hostile values: texts, JSON values, edits of valid documents.

One seeded `random.Random` decides everything, so that the number of an input gives it again. This
module knows nothing of hakobune.
"""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

# Whatever is drawn to be noticed has this word: in an option, in a line, in a shell command.
MARK = "FUZZ"
FORGED = f"{MARK}-forged ok  signed  sha256:d119caca9fe0"
_CONTROLS = (
    f"a\n{FORGED}",
    f"a\r{FORGED}",
    f"\x1b[31m{MARK}\x1b[0m",
    f"\x1b]0;{MARK}\x07",
    f"\x9b2J{MARK}",
    f"\u202e{MARK}",
    f"a\u2028{FORGED}",
    f"a\x0b{FORGED}",
    f"a\x85{FORGED}",
    "x\0y",
    "\x7f",
    "\u200b",
    "\ufeff",
)
_OPTIONS = (
    f"--output={MARK}",
    f"--remote={MARK}",
    f"--upload-pack=touch {MARK}",
    f"-o{MARK}",
    f"--exec={MARK}",
    f"-{MARK}",
    "-",
    "--",
    "--help",
)
_PATHS = (
    *("..", ".", "", "/", "//", "~root", "/dev/zero", "/dev/stdin", "/proc/self/mem"),
    *(
        "../outside/victim",
        "../../outside/victim",
        "a/../../outside/victim",
        "image/../record.json",
    ),
    *("./x", "a//b", "x/", "C:\\x", "\\\\host\\x", "..\\victim", "file:///etc/passwd"),
)
_SHELL = (
    f"$(touch {MARK})",
    f"`touch {MARK}`",
    f"; touch {MARK}",
    f"$(touch {MARK}).csv",
    "a'b\"c",
    "${{inputs.x}}",
    "${HOME}",
    "%s%n{0}",
    "[red]x[/]",
)
_NEAR = (
    *("a" * 40, "a" * 64, "A" * 40, "a" * 39, "a" * 40 + "\n"),
    *(f"sha256:{'a' * 64}", f"sha256:{'a' * 63}", f"x@sha256:{'a' * 64}"),
    *("HEAD", "main", "refs/heads/main", "@{-1}", "HEAD:x", "a..b", "--all"),
    *("1e400", "NaN", "-1", "0x10", "1_000", "٣", "²"),
)
_DEEP = 100_000


class Draw:
    """Draws values; each method may give anything of its kind."""

    def __init__(self, seed: str, victim: str) -> None:
        self.random = random.Random(seed)
        self.victim = victim
        self._raw: dict[str, str] = {}

    def chance(self, share: float) -> bool:
        """Return true in this share of all calls."""
        return self.random.random() < share

    def one(self, *choices: Any) -> Any:
        """Return one of these."""
        return self.random.choice(choices)

    def text(self) -> str:
        """Return a text that somebody would want to slip in."""
        kind = self.random.randrange(8)
        if kind == 0:
            return self._letters()
        if kind == 1:
            return str(
                self.one("a", "箱舟", "x/", "á", "\U0001f6a2") * self.one(41, 256, 4097, 70_000)
            )
        if kind == 2:
            return str(self.one(self.victim, f"--output={self.victim}", "x\ud800", "\udcff"))
        found = self.one(*self.one(_CONTROLS, _OPTIONS, _PATHS, _SHELL, _NEAR))
        return str(found + self.text() if self.chance(0.1) else found)

    def _letters(self) -> str:
        ranges = ((32, 126), (0, 31), (127, 255), (0x2000, 0x206F), (0x4E00, 0x4F00), (0, 0x10FFFF))
        low, high = self.one(*ranges)
        return "".join(
            chr(self.random.randint(low, high)) for _ in range(self.random.randint(0, 30))
        )

    def raw(self, text: str) -> str:
        """Return a token that `dump` replaces by this text, which need not be JSON."""
        token = f"\ue000{len(self._raw)}\ue000"
        self._raw[token] = text
        return token

    def value(self, depth: int = 2) -> Any:
        """Return a JSON value of any type, or a token for what Python cannot write."""
        kind = self.random.randrange(7)
        if kind == 0:
            return self.one(None, True, False, 0, -1, 1, 2**31, 2**63, 10**300, 1.5, -0.0, 1e308)
        if kind == 1:
            raws = ("1e400", "-1e999", "NaN", "Infinity", "9" * 5000, "1" + "0" * 400, "1.0000e2")
            return self.raw(self.one(*raws))
        if kind == 2 and self.chance(0.1):
            shape = self.one("[]", "{}")
            opening = "[" if shape == "[]" else '{"a":'
            middle = "1" if shape == "{}" else ""
            count = self.one(500, 990, 5000, _DEEP)
            return self.raw(opening * count + middle + shape[1] * count)
        if kind <= 3 and depth:
            size = self.random.randint(0, 3)
            if self.chance(0.5):
                return [self.value(depth - 1) for _ in range(size)]
            return {self.text(): self.value(depth - 1) for _ in range(size)}
        return self.text()

    def edited(self, tree: Any, times: int | None = None) -> Any:
        """Return a JSON tree with one to three places changed, removed or added."""
        found = json.loads(json.dumps(tree))
        for _ in range(times or self.random.randint(1, 3)):
            found = self._edited_once(found)
        return found

    def _edited_once(self, tree: Any) -> Any:
        places = list(_places(tree))
        if not places or self.chance(0.01):
            return self.value()
        holder, key = self.one(*places)
        what = self.random.randrange(10)
        if what == 0:
            del holder[key]
        elif what == 1 and isinstance(holder, dict):
            holder[self.text()] = holder.pop(key)
        elif what == 2 and isinstance(holder, dict):
            holder[self.text()] = self.value()
        elif what == 3:
            other, there = self.one(*places)
            if there in other if isinstance(other, dict) else there < len(other):
                holder[key] = json.loads(json.dumps(other[there]))
        elif what == 4 and isinstance(holder[key], str):
            cut = self.random.randint(0, len(holder[key]))
            holder[key] = holder[key][:cut] + self.text() + holder[key][cut:]
        elif what <= 7:
            holder[key] = self.text()
        else:
            holder[key] = self.value()
        return tree

    def dump(self, tree: Any) -> bytes:
        """Return the tree as a record is written, with the raw tokens replaced."""
        text = json.dumps(tree, indent=2, ensure_ascii=False)
        for token, raw in self._raw.items():
            text = text.replace(json.dumps(token, ensure_ascii=False), raw)
        return (text + "\n").encode("utf-8", "backslashreplace")

    def damaged(self, content: bytes, words: tuple[bytes, ...] = ()) -> bytes:
        """Return bytes with some of them flipped, cut, repeated or replaced."""
        for _ in range(self.random.randint(1, 4)):
            content = self._damaged_once(content, words)
        return content

    def _damaged_once(self, content: bytes, words: tuple[bytes, ...]) -> bytes:
        at = self.random.randint(0, len(content))
        to = min(len(content), at + self.random.randint(0, 40))
        ways: tuple[Callable[[], bytes], ...] = (
            lambda: content[:at] + bytes([self.random.randrange(256)]) + content[at + 1 :],
            lambda: content[:at] + content[to:],
            lambda: content[:at] + content[at:to] * self.one(2, 50, 3000) + content[to:],
            lambda: content[:at],
            lambda: content[:at] + self.text().encode("utf-8", "surrogatepass") + content[to:],
            lambda: content[:at] + self.one(*(words or (b"\0",))) + content[to:],
            lambda: self.one(b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"\x1f\x8b", b"") + content,
            lambda: content[:at] + self.one(b"\xff", b"\xc3", b"\xed\xa0\x80") + content[at:],
        )
        return bytes(self.one(*ways)())


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Yield container and key of each value of a tree."""
    pairs: Any = ()
    if isinstance(tree, dict):
        pairs = list(tree.items())
    elif isinstance(tree, list):
        pairs = list(enumerate(tree))
    for key, value in pairs:
        yield tree, key
        yield from _places(value)
