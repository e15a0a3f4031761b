"""Bytes to text: UTF-8, and else the one of two old encodings that gives text, or both.

Bytes that are no UTF-8 are Japanese (cp932) or western (cp1252, which is Latin-1 and more). Most
are text in one of them only. Where both give text, the caller sees whether it matters.
"""

import re
from dataclasses import dataclass

from trainer.errors import InputNotTextError
from trainer.input.options import ENCODINGS

_OLD = ("cp932", "cp1252")
# What an encoding gives for bytes that mean nothing in it: control characters and private ones.
_NO_TEXT = re.compile("[\x80-\x9f\ue000-\uf8ff]")
# Letters of western languages and the signs of their numbers; quotes and dashes where they belong.
# Japanese read as cp1252 is full of others: daggers, bullets, quotes inside words.
_WESTERN = re.compile(
    r"(?:[\x00-\x7f\xa0-\xffŒœŠšŸŽžƒ€]|(?<=\w)\u2019(?=\w)|(?<!\w)[\u2018\u201c\u201e](?=\w)"
    r"|(?<=[\w.,!?])[\u2019\u201c\u201d](?!\w)|(?<![^\W\d_])[\u2013\u2014](?![^\W\d_]))*"
)


@dataclass(slots=True, kw_only=True)
class Decoder:
    """Decodes the blocks of a file, in their order; `live` are the encodings that are possible."""

    name: str
    told: str | None
    live: tuple[str, ...] = ("utf-8",)
    is_ascii: bool = True

    def __post_init__(self) -> None:
        """Start with the encoding that the user named."""
        if self.told is not None:
            self.live = ("utf-8" if self.told == "utf-16" else self.told,)

    def decode(self, content: bytes, first_line: int, *, may_be_cut_off: bool) -> dict[str, str]:
        """Return the text by each possible encoding: one or two. Raises where it is none."""
        if content.isascii():
            return dict.fromkeys(self.live, content.decode("ascii"))
        if self.live == ("utf-8",):
            try:
                text = content.decode()
            except UnicodeDecodeError as exc:
                if may_be_cut_off and exc.reason == "unexpected end of data":
                    return {"utf-8": content[: exc.start].decode()}
                self._leave_utf8(content, exc, first_line)
            else:
                self.is_ascii = False
                return {"utf-8": text}
        read = {name: self._text(content, name) for name in self.live}
        found = {name: text for name, text in read.items() if text is not None}
        if len(found) > 1 and not _WESTERN.fullmatch(found["cp1252"]):
            del found["cp1252"]
        if not found:
            raise self._no_text(first_line, "the bytes are not text")
        self.live, self.is_ascii = tuple(found), False
        return found

    def _text(self, content: bytes, encoding: str) -> str | None:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            return None
        return text if self.told or not _NO_TEXT.search(text) else None

    def _leave_utf8(self, content: bytes, exc: UnicodeDecodeError, first_line: int) -> None:
        """Go on with the old encodings, unless the file was UTF-8 up to here."""
        if self.told or not self.is_ascii or not content[: exc.start].isascii():
            line = first_line + content.count(b"\n", 0, exc.start)
            raise self._no_text(line, f"byte 0x{content[exc.start]:02x} is not UTF-8") from exc
        self.live = _OLD

    def _no_text(self, line: int, what: str) -> InputNotTextError:
        how = f" as --encoding {self.told} says" if self.told else ""
        return InputNotTextError(
            f"{self.name}:{line}: {what}{how}",
            remedy="save the data as CSV in UTF-8 (in a spreadsheet program: 'CSV UTF-8'), or name "
            f"its encoding with --encoding: {', '.join(ENCODINGS)}",
        )

    def notes(self) -> tuple[str, ...]:
        """Return what has to be told."""
        if self.is_ascii or self.told or self.live == ("utf-8",):
            return ()
        return (f"the text is read as {self.live[0]}",)
