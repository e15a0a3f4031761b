"""tests/cases/build-progress.txt is what buildx 0.13 printed of a build, with fewer packages."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hakobune.adapters import docker_cli
from hakobune.adapters.build_progress import BuildProgress, shown_waiting
from hakobune.errors import BuildFailedError
from tests.samples import FakeReporter, FakeRunner, on

PRINTED = Path(__file__).parents[3] / "cases" / "build-progress.txt"


@dataclass
class Seen(FakeReporter):
    """Keeps the seconds of each stage and every text of the line that is replaced."""

    seconds: list[float | None] = field(default_factory=list)
    at_work_then: list[str] = field(default_factory=list)

    def done(
        self, stage: str, outcome: str, *, digest: str = "", seconds: float | None = None
    ) -> None:
        super().done(stage, outcome, digest=digest)
        self.seconds.append(seconds)

    def working(self, text: str) -> None:
        super().working(text)
        self.at_work_then.append(text)


def taken(*chunks: bytes, step_s: float = 1.0) -> Seen:
    """Return what a build reports that prints these, with so much time between them."""
    seen, now = Seen(), [0.0]
    progress = BuildProgress(seen, name="build", clock=lambda: now[0])
    for chunk in chunks:
        now[0] += step_s
        progress.take(chunk)
    progress.end()
    return seen


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_each_stage_is_one_line_with_the_seconds_of_its_steps(size: int) -> None:
    printed = PRINTED.read_bytes()
    seen = taken(*(printed[start : start + size] for start in range(0, len(printed), size)))
    assert [outcome for _, outcome, _ in seen.stages] == [
        "source: copied and compiled",
        "C libraries: compiled",
        "packages: downloaded, checked, installed",
        "image: put together",
        "image: written and handed to the engine",
    ]
    # 0.1 + 0.1 + 1.2 of BuildKit's own seconds.
    assert seen.seconds[0] == pytest.approx(1.4)
    assert seen.at_work == ""


def test_a_stage_that_takes_no_time_is_not_a_line() -> None:
    printed = b"#4 [packages 1/2] COPY a b\n#4 DONE 0.2s\n\n#5 [packages 2/2] RUN x\n#5 DONE 0.2s\n"
    assert taken(printed).stages == []
    assert len(taken(printed.replace(b"DONE 0.2s", b"DONE 0.3s")).stages) == 1


def test_a_stage_that_the_cache_has_is_not_a_line() -> None:
    printed = b"#4 [packages 1/2] COPY a b\n#4 CACHED\n\n#5 [packages 2/2] RUN x\n#5 CACHED\n"
    assert taken(printed).stages == []


def test_what_runs_is_shown_with_its_seconds_and_a_single_stage_with_its_last_line() -> None:
    began = b"#4 [packages 1/1] RUN x\n#4 0.5 Downloading scipy (33.7MiB)\n"
    seen = taken(began, b"", b"#5 [source 1/2] COPY a b\n")
    assert seen.at_work_then == [
        "build   packages 0 s: Downloading scipy (33.7MiB)",
        "build   packages 1 s: Downloading scipy (33.7MiB)",
        "build   packages 2 s, source 0 s",
        "",
    ]


def test_nothing_is_shown_before_the_first_stage() -> None:
    assert set(taken(b"#1 [internal] load build definition\n", b"#1 DONE 0.1s\n").at_work_then) == {
        ""
    }


def test_the_line_is_written_five_times_a_second_at_most() -> None:
    seen = taken(b"#4 [packages 1/1] RUN x\n", *[b"#4 0.5 word\n"] * 100, step_s=0.01)
    assert len(seen.at_work_then) <= 7


def test_what_a_step_prints_is_not_taken_for_a_line_of_buildkit() -> None:
    lies = b"#4 0.5 #4 DONE 9.9s\n#4 0.6 #9 [packages 1/1] RUN y\n#4 0.7 \r#4 ERROR: no\n"
    seen = taken(b"#4 [packages 1/2] RUN x\n" + lies)
    assert seen.stages == []
    assert seen.at_work_then == ["build   packages 0 s: #4 ERROR: no", ""]


def test_after_a_failure_all_of_the_failed_step_is_shown_and_the_log_is_kept() -> None:
    output = (
        "#4 [source 1/1] RUN a\n#4 0.1 fine\n#4 DONE 0.1s\n#5 [packages 1/1] RUN x\n"
        '#5 0.1 one\n#5 0.2 \n#5 0.3 two\n#5 ERROR: process "/bin/sh -c x" exit code: 7\n'
    )
    reporter = FakeReporter()
    with pytest.raises(BuildFailedError):
        docker_cli.build(
            FakeRunner([on("build", stdout=output, exit_code=1)]), ["docker", "build"], reporter
        )
    text, where = reporter.said
    assert text == "one\n\ntwo"
    log = Path(where.removeprefix("the whole output of the build is in "))
    assert log.read_text(encoding="utf-8") == output
    assert log.stat().st_mode & 0o077 == 0
    log.unlink()


def test_while_another_program_runs_its_seconds_are_shown_and_what_it_does_as_root() -> None:
    seen = Seen()
    runner = FakeRunner([on("build.sh", stdout="root: apt-get install of it\nother\n")])
    shown_waiting(runner, ["build.sh"], seen, name="base", what="making it")
    assert seen.said == ["root: apt-get install of it"]
    assert seen.at_work_then == ["base    making it, 0 s", ""]
