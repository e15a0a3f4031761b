"""The real world for the stages; apart from them, so that what starts nothing loads nothing."""

from hakobune.adapters.process import Runner, SystemRunner


def system_runner() -> Runner:
    """Return the runner that starts real programs; tests pass another to each stage."""
    return SystemRunner()
