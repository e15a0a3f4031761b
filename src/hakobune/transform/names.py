"""Names that Azure ML, registries and folders take. No I/O.

The rules are those of Azure's resource names
(https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules) and of
the OCI distribution specification; what the service refuses beyond them it says itself.
"""

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


def safe_name(text: str) -> str:
    """Return a text's letters and digits of ASCII, with `-` for all else, at most 40 characters.

    Docker's container names, folders and Azure ML's names all take the result. Accents go;
    where nothing is left, it is `run`.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:40].rstrip("-") or "run"


def valid_name(kind: str, name: str) -> str:
    """Return the name. Raises NameInvalidError unless it is one of this kind."""
    form, words = _FORMS[kind]
    if not re.fullmatch(form, name):
        shown = name if len(name) <= 60 else f"{name[:57]}..."  # noqa: PLR2004 - fits on a line
        raise NameInvalidError(
            f"{kind} {shown!r} ({len(name)} characters) is not a valid name", remedy=f"use {words}"
        )
    return name
