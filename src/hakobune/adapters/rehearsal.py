"""Whether the drydock that a rehearsal is confined to answers, and gave us our variables.

Its certificate identifies it. The authority that signed it is in drydock's state folder, may sign
for drydock alone, and its key was thrown away: another program at the same port has no such
certificate, and another drydock has another.
"""

import json
from collections.abc import Callable
from urllib.parse import urlsplit

from hakobune.errors import CloudUnknownError
from hakobune.model.destination import REHEARSE_AGAIN, Rehearsal

_PATH = "/drydock/endpoints"
_TIMEOUT_S = 20
_LONGEST = 64 * 1024


def require_running(rehearsal: Rehearsal, ask: Callable[[Rehearsal], bytes] | None = None) -> None:
    """Raise CloudUnknownError unless the drydock answers and gives the variables that we have."""
    import http.client  # noqa: PLC0415 - slow to import, and for a rehearsal only

    try:
        content = (ask or _ask)(rehearsal)
    except (OSError, ValueError, http.client.HTTPException) as exc:
        raise CloudUnknownError(
            f"cannot reach drydock at {rehearsal.address}: {exc}. HAKOBUNE_REHEARSAL=1 is set, "
            "so Azure itself is not contacted",
            remedy=REHEARSE_AGAIN,
        ) from exc
    given = _given(content)
    other = [name for name, value in rehearsal.variables if given.get(name) != value]
    if other:
        raise CloudUnknownError(
            f"{', '.join(other)} {'does' if len(other) == 1 else 'do'} not point to the "
            f"drydock at {rehearsal.address}, and HAKOBUNE_REHEARSAL=1 allows no other address",
            remedy=REHEARSE_AGAIN,
        )


def _ask(rehearsal: Rehearsal) -> bytes:
    """Ask the drydock itself, through no proxy."""
    import http.client  # noqa: PLC0415 - slow to import, and for a rehearsal only
    import ssl  # noqa: PLC0415

    where = urlsplit(rehearsal.address)
    context = ssl.create_default_context(cafile=rehearsal.ca_bundle)
    connection = http.client.HTTPSConnection(
        where.hostname or "", where.port, timeout=_TIMEOUT_S, context=context
    )
    try:
        connection.request("GET", _PATH)
        return connection.getresponse().read(_LONGEST)
    finally:
        connection.close()


def _given(content: bytes) -> dict[str, object]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
