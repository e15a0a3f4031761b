"""The page of routes, written from the table: `python -m drydock.route_list FILE`."""

import sys
from pathlib import Path

from drydock.routes import ROUTES, Route
from drydock.weather import KINDS

NOTE = "<!-- Below: written by `python -m drydock.route_list`; not to be edited by hand. -->"
_ML = "/providers/Microsoft.MachineLearningServices"
_WS = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}{_ML}/workspaces/{{workspace}}"


def route_list() -> str:
    """Return the tables of routes and of faults."""
    served = [route for route in ROUTES if route.is_served]
    refused = [route for route in ROUTES if not route.is_served]
    return "\n".join(
        [
            NOTE,
            "",
            "`{WS}` is the workspace's path in ARM, `{ML}` its provider.",
            "",
            f"## Served ({len(served)} routes)",
            "",
            "| name | route |",
            "| --- | --- |",
            *(f"| {route.name} | `{route.method} {_short(route)}` |" for route in served),
            "",
            "## Refused",
            "",
            "Answered by 501 with code `NotServedByDrydock` and the name. A row takes what no",
            "served route and no row above it takes; what is in no row is refused as `unknown`.",
            "",
            "| name | path |",
            "| --- | --- |",
            *(f"| {route.name} | `{_short(route)}` |" for route in refused),
            "",
            "## Weather",
            "",
            "| name | what happens |",
            "| --- | --- |",
            *(f"| `{name}` | {text} |" for name, text in KINDS.items()),
            "",
        ]
    )


def with_route_list(page: str) -> str:
    """Return a page with the tables in the place of those that it had."""
    return page.partition(NOTE)[0] + route_list()


def _short(route: Route) -> str:
    return route.path.replace(_WS, "{WS}").replace(_ML, "/{ML}")


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(with_route_list(file.read_text(encoding="utf-8")), encoding="utf-8")
