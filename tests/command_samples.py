"""The command line called in this process, with what its commands work with in memory."""

import sys

import pytest

from hakobune.cli import main as command_line
from hakobune.cli.wiring import Wiring
from hakobune.model.destination import Destination
from tests.cloud_samples import FakeCloud
from tests.delivery_samples import Ready


class FakeWiring(Wiring):
    """Hands in a runner and a workspace that live in memory."""

    def __init__(self, ready: Ready, *, is_offline: bool) -> None:
        self.runner = ready.runner
        self.workspace = ready.cloud
        self.is_offline = is_offline
        self.asked: list[Destination] = []

    def cloud(self, to: Destination) -> FakeCloud:
        self.asked.append(to)
        assert not self.is_offline, "a command went to Azure"
        to.require_workspace()
        return self.workspace

    impatient_cloud = cloud


def run(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *arguments: str,
    wiring: Wiring | None = None,
) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of a command line."""
    monkeypatch.setattr(sys, "argv", ["hakobune", *arguments])
    with pytest.raises(SystemExit) as caught:
        command_line.main(wiring)
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err
