"""Names that Azure ML, registries, Docker and folders accept: made, and checked. No I/O.

Every name that hakobune makes of another text is made here. The rules are those of Azure's
resource names (https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules)
and of the OCI distribution specification; what the service refuses beyond them it says itself.
"""

import hashlib
import re
import unicodedata

from hakobune.errors import NameInvalidError

_FORMS = {
    "job": (r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}", "letters, digits, `-` and `_`, at most 255"),
    "experiment": (r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}", "letters, digits, `-` and `_`, at most 255"),
    "environment": (
        r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}",
        "letters, digits, `-` and `_`, at most 255",
    ),
    "model": (
        r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}",
        "letters, digits, `.`, `-` and `_`, at most 255",
    ),
    "compute": (
        r"[A-Za-z][A-Za-z0-9-]{0,30}[A-Za-z0-9]",
        "a letter, then letters, digits and `-`, 2 to 32",
    ),
    "registry": (
        r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*",
        "an address such as `name.azurecr.io`, without `https://`",
    ),
    "repository": (r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*", "lower-case letters, digits, `.`, `-`"),
    "variable": (r"[A-Za-z_][A-Za-z0-9_]*", "letters, digits and `_`"),
    "tag": (r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}", "letters, digits, `.`, `-` and `_`, at most 255"),
}


# What Docker or Azure ML keep for themselves: https://learn.microsoft.com/azure/machine-learning
# says that the prefixes are those of curated environments.
_RESERVED = r"scratch\Z|azureml|microsoft"
_LONGEST = 60
_MARK = 8


def safe_name(text: str) -> str:
    """Return a text's letters and digits of ASCII, with `-` for all else, at most 40 characters.

    Docker's container names, folders and Azure ML's names all take the result. Accents go;
    where nothing is left, it is `run`.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:40].rstrip("-") or "run"


def environment_name(text: str) -> str:
    """Return the name of an environment as Docker, registries and Azure ML all accept it.

    It has lower-case letters and digits of ASCII with single `-` or `_` between them, at most 60
    characters. A name of this form stays as it is; in any other, `-` takes the place of all but
    letters and digits. Where letters without an ASCII form or the end
    of a long name are left out, a part of the text's sha256 tells such names apart.
    """
    split = unicodedata.normalize("NFKD", text)
    is_cut = not any(letter.isalnum() and letter.isascii() for letter in split) or any(
        letter.isalnum() and not letter.isascii() for letter in split
    )
    plain = split.encode("ascii", "ignore").decode().lower()
    is_usable = re.fullmatch(r"[a-z0-9]+([_-][a-z0-9]+)*", text, re.ASCII) is not None
    name = text if is_usable else re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "env"
    if re.match(_RESERVED, name):
        name = f"env-{name}"
    if not is_cut and len(name) <= _LONGEST:
        return name
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_MARK]
    return f"{name[: _LONGEST - _MARK - 1].rstrip('-_')}-{mark}"


def readable_tag(environment: str) -> str:
    """Return the tag of the newest image of an environment; each build moves it."""
    return f"{environment}:local"


def lasting_tag(environment: str, image_id: str) -> str:
    """Return the tag of one image of an environment, which no build moves."""
    return f"{environment}:sha-{image_id.removeprefix('sha256:')[:12]}"


def valid_name(kind: str, name: str) -> str:
    """Return the name. Raises NameInvalidError unless it is one of this kind."""
    form, words = _FORMS[kind]
    if not re.fullmatch(form, name):
        shown = name if len(name) <= 60 else f"{name[:57]}..."  # noqa: PLR2004 - fits on a line
        raise NameInvalidError(
            f"{kind} {shown!r} ({len(name)} characters) is not a valid name", remedy=f"use {words}"
        )
    return name
