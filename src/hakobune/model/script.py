"""What a training script's text says of its command line."""

from dataclasses import dataclass
from enum import StrEnum


class Takes(StrEnum):
    """What the value of an option seems to be."""

    INPUT = "a file or folder that the script reads"
    OUTPUT = "the folder of its results"
    OUTPUT_FILE = "a file that it writes"
    OTHER = "something else"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptOption:
    """One option. `name` is the script's variable, and `default` its text, empty if unknown.

    `files` are those that the script seems to write into the folder that the option names.
    """

    name: str
    flag: str
    takes: Takes
    default: str = ""
    is_required: bool = False
    files: tuple[str, ...] = ()
