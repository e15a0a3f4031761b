"""What `hakobune verify` prints last, and when it fails."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hakobune.cli.main import main
from hakobune.cli.wiring import Wiring
from hakobune.errors import SignatureMissingError
from hakobune.stages.sign import sign
from tests.hostile.forgeries import OURS, key_id, pem
from tests.run_samples import Made, make_run
from tests.samples import PYPROJECT, FakeReporter, FakeRunner

Verify = Callable[..., tuple[int, list[str]]]


class _Wiring(Wiring):
    def __init__(self, runner: FakeRunner) -> None:
        self.runner = runner


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return make_run(tmp_path)


@pytest.fixture
def hakobune(
    made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Verify:
    def call(*words: str) -> tuple[int, list[str]]:
        monkeypatch.chdir(made.project.root)
        monkeypatch.setattr(sys, "argv", ["hakobune", *words])
        with pytest.raises(SystemExit) as ended:
            main(_Wiring(made.runner))
        code = ended.value.code
        assert isinstance(code, int | None)
        out, err = capsys.readouterr()
        return code or 0, (out + err).splitlines()

    return call


def test_an_unsigned_run_is_intact_against_accidents_only(hakobune: Verify) -> None:
    code, lines = hakobune("verify", "demo-run")
    assert code == 0
    last = "demo-run: intact, unsigned: accidental changes only; not verifiable here: commit"
    assert lines[-1] == last


def test_an_unsigned_run_fails_where_a_signature_is_required(hakobune: Verify) -> None:
    code, lines = hakobune("verify", "demo-run", "--require-signature")
    assert code == SignatureMissingError.exit_code
    assert any(line.startswith("error[signature-missing]: ") for line in lines)


def test_the_last_line_tells_whether_the_key_is_one_that_counts(
    made: Made, hakobune: Verify, tmp_path: Path
) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(pem(OURS))
    sign(made.folder, key, FakeReporter())
    assert hakobune("verify", "demo-run", "--require-signature")[1][-1] == (
        "demo-run: intact, signed by an unconfirmed key: accidental changes only; "
        "not verifiable here: commit"
    )
    signers = f'[tool.hakobune]\nsigners = ["{key_id(OURS)[:32]}"]\n'
    (tmp_path / "pyproject.toml").write_text(PYPROJECT.replace("[tool.hakobune]\n", signers, 1))
    code, lines = hakobune("verify", "demo-run")
    assert (code, lines[-1]) == (0, "demo-run: intact, signed; not verifiable here: commit")
