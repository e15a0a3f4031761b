"""The query parameters by which a list is filtered.

https://learn.microsoft.com/rest/api/azureml/jobs/list and /model-versions/list
"""

from collections.abc import Mapping

from drydock.http_values import Request
from drydock.refusal import bad_request, not_served

_VIEWS = ("ActiveOnly", "ArchivedOnly", "All")
# What would leave out entries that drydock would return.
_UNKNOWN = ("description", "feed", "offset", "assetName", "assetVersion")
_ORDER = "createdtime desc"  # the only one that the SDK asks for


def check_filters(request: Request) -> None:
    """Refuse filters that drydock does not have."""
    is_viewed(request, is_archived=False)  # a wrong one is refused even where there is nothing
    given = [name for name in _UNKNOWN if name in request.query]
    order = request.query.get("$orderBy", _ORDER)
    if order.lower() != _ORDER:
        raise not_served(f"drydock lists the newest first, and not by '{order}'.")
    if given:
        raise not_served(f"drydock does not filter a list by '{given[0]}'.")


def is_viewed(request: Request, *, is_archived: bool) -> bool:
    """Tell whether a list shows an entry, by `listViewType`."""
    asked = request.query.get("listViewType", _VIEWS[0])
    view = next((name for name in _VIEWS if name.lower() == asked.lower()), None)
    if view is None:
        raise bad_request(
            f"The listViewType '{asked}' is unknown; use one of: {', '.join(_VIEWS)}."
        )
    return view == "All" or is_archived == (view == "ArchivedOnly")


def has_all(request: Request, parameter: str, held: Mapping[str, object] | None) -> bool:
    """Tell whether an entry has what a parameter names: `name,other=value`."""
    wanted = [text for text in request.query.get(parameter, "").split(",") if text]
    there = {name: str(value) for name, value in (held or {}).items()}
    for text in wanted:
        name, has_value, value = text.partition("=")
        if name not in there or (has_value and there[name] != value):
            return False
    return True
