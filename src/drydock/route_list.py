"""Writes the tables of routes and faults into a page: `python -m drydock.route_list FILE`."""

import sys
from pathlib import Path

from drydock.faults import KINDS
from drydock.routes import ROUTES, Route

NOTE = "<!-- The rest is written by `python -m drydock.route_list`; do not edit it. -->"
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
            "Answered with 501, code `NotServedByDrydock` and the name. The first row that matches",
            "applies, after all served routes; a path that no row matches is refused as `unknown`.",
            "",
            "| name | path |",
            "| --- | --- |",
            *(f"| {route.name} | `{_short(route)}` |" for route in refused),
            "",
            "## Faults",
            "",
            "| name | what happens |",
            "| --- | --- |",
            *(f"| `{name}` | {text} |" for name, text in KINDS.items()),
            "",
        ]
    )


def with_route_list(page: str) -> str:
    """Return a page with its tables replaced."""
    return page.partition(NOTE)[0] + route_list()


def _short(route: Route) -> str:
    return route.path.replace(_WS, "{WS}").replace(_ML, "/{ML}")


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(with_route_list(file.read_text(encoding="utf-8")), encoding="utf-8")
