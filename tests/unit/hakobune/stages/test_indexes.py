"""A lock from indexes on 127.0.0.1, with real uv: what comes from where, and what is refused."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.adapters.process import Completed, SystemRunner
from hakobune.errors import HashMismatchError, IndexChangedError
from hakobune.model.lock import PYTORCH_CPU, Lock
from hakobune.settings import read_settings
from hakobune.stages import indexes
from hakobune.stages.indexes import download_size
from hakobune.stages.lock import LockWishes, lock_environment
from hakobune.stages.project import read_fresh_lock
from tests.index_samples import LocalIndex, serve, wheel
from tests.samples import FakeReporter, completed, make_lock, make_project

pytestmark = pytest.mark.process
SECRET = "s3cr3t/%"  # noqa: S105 - looked for where it must not be


class OnlyUv(SystemRunner):
    """Starts uv; a registry and Debian do not answer."""

    def __init__(self, cache: Path) -> None:
        self.cache = str(cache)
        self.commands: list[str] = []

    def capture(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Completed:
        """See Runner."""
        if "compile" not in command:
            return completed(exit_code=1)
        self.commands += command
        own = {"UV_CACHE_DIR": self.cache, "UV_HTTP_RETRIES": "0"}
        return super().capture(command, env={**(env or {}), **own}, timeout_s=timeout_s)


@pytest.fixture(scope="module")
def default() -> Iterator[LocalIndex]:
    """The default index, which has all of it, with high numbers and CUDA."""
    torch = wheel("torch", "2.5.1", "nvidia-cublas-cu12")
    with serve(
        *(wheel("uv", "0.9"), wheel("six", "1.17"), torch, wheel("nvidia-cublas-cu12", "12.4"))
    ) as index:
        yield index


class Case:
    """A project on its way from the conda file to the lock."""

    def __init__(self, folder: Path, default: LocalIndex) -> None:
        self.project = make_project(folder / "project")
        self.runner = OnlyUv(folder / "cache")
        self.env = {"HOME": str(folder), "PIP_INDEX_URL": default.address}
        self.reporter = FakeReporter()

    def lock(self, *dependencies: str, accepted: tuple[str, ...] = (), **env: str) -> Lock:
        """Lock; what is not given stays as it was."""
        if dependencies:
            path = self.project.environment_path
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = "".join(f"  - {line}\n" for line in ("python=3.13", *dependencies))
            path.write_text(f"name: demo\ndependencies:\n{lines}", encoding="utf-8")
        settings = read_settings({**self.env, **env})
        wishes = LockWishes(
            index=settings.uv_environment, asked=settings.asked_indexes, accepted=accepted
        )
        return lock_environment(self.project, self.runner, self.reporter, wishes=wishes)


@pytest.fixture
def case(tmp_path: Path, default: LocalIndex) -> Case:
    (tmp_path / "project").mkdir()
    return Case(tmp_path, default)


def sources(lock: Lock) -> dict[str, tuple[str, str]]:
    return {package.name: (package.version, package.index) for package in lock.python_packages}


def test_a_private_package_is_not_replaced_by_a_higher_number(case: Case) -> None:
    with serve(wheel("six", "1.0")) as own:
        host = own.address.split("/")[2]
        lock = case.lock("six", HAKOBUNE_EXTRA_INDEX_URL=own.address)
    assert sources(lock) == {"six": ("1.0", host)}
    assert read_fresh_lock(case.project) == lock
    with pytest.raises(IndexChangedError, match=f"1.0 was from {host}"):
        case.lock()
    assert read_fresh_lock(case.project) == lock
    assert sources(case.lock(accepted=("six",))) == {"six": ("1.17", "")}


def test_a_file_that_was_replaced_is_refused(case: Case) -> None:
    name, content = wheel("six", "1.0")
    with serve((name, content)) as own:
        before = case.lock("six", HAKOBUNE_EXTRA_INDEX_URL=own.address)
        own.files[name] = wheel("six", "1.0", body="x = 2\n")[1]
        with pytest.raises(HashMismatchError) as caught:
            case.lock(HAKOBUNE_EXTRA_INDEX_URL=own.address)
        assert "--accept six" in caught.value.remedy
        assert read_fresh_lock(case.project) == before
        after = case.lock(HAKOBUNE_EXTRA_INDEX_URL=own.address, accepted=("six",))
    assert after.packages != before.packages


@pytest.mark.parametrize("where", ["netrc", "variable"])
def test_a_password_is_in_no_lock_message_or_argument(case: Case, where: str) -> None:
    with serve(wheel("six", "1.0"), login=f"jo:{SECRET}") as own:
        host = own.address.split("/")[2]
        address = own.address
        if where == "netrc":
            netrc = Path(case.env["HOME"], ".netrc")
            netrc.write_text(f"machine 127.0.0.1 login jo password {SECRET}\n", encoding="utf-8")
            netrc.chmod(0o600)
        else:
            address = address.replace("//", "//jo:s3cr3t%2F%25@")
        lock = case.lock("six", HAKOBUNE_EXTRA_INDEX_URL=address)
        secrets = read_settings({**case.env, "HAKOBUNE_EXTRA_INDEX_URL": address}).build_secrets()
    assert sources(lock) == {"six": ("1.0", host)}
    written = case.project.lock_path.read_text(encoding="utf-8")
    said = " ".join([written, *case.reporter.said, *case.runner.commands, repr(secrets)])
    assert "s3cr3t" not in said
    assert "jo" not in written
    assert "jo:s3cr3t%2F%25@" in secrets.extra_index_url


@pytest.fixture
def pytorch(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalIndex]:
    """PyTorch's index of wheels without CUDA, at another address."""
    with serve(wheel("torch", "2.5.1+cpu"), wheel("six", "99.0")) as index:
        monkeypatch.setattr(indexes, "PYTORCH_CPU", replace(PYTORCH_CPU, address=index.address))
        yield index


@pytest.mark.parametrize(
    "lines",
    [
        *(("pytorch=2.5", "cpuonly"), ("pytorch=2.5.1=cpu_py313_0",), ("pytorch-cpu",)),
        ("pytorch", "pytorch-mutex=*=cpu"),
    ],
)
def test_conda_s_words_for_no_cuda_choose_pytorch_s_index(
    case: Case, pytorch: LocalIndex, lines: tuple[str, ...]
) -> None:
    lock = case.lock("six", *lines)
    assert sources(lock) == {"six": ("1.17", ""), "torch": ("2.5.1+cpu", "pytorch_cpu")}
    assert not any("/six" in path for path in pytorch.asked)
    assert not any("warning" in line or "build strings" in line for line in case.reporter.said)
    assert read_fresh_lock(case.project) == lock
    assert sources(case.lock()) == sources(lock)


def test_where_pytorch_s_index_does_not_answer_that_is_said(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve() as gone:
        address = gone.address
    monkeypatch.setattr(indexes, "PYTORCH_CPU", replace(PYTORCH_CPU, address=address))
    lock = case.lock("pytorch", "cpuonly")
    assert sources(lock)["torch"] == ("2.5.1", "")
    first, second = (line for line in case.reporter.said if "demo.yml:5: warning" in line)
    assert "pytorch_cpu does not answer" in first
    assert "warning: 1 package for NVIDIA's CUDA (" in second


def test_cuda_for_a_job_without_a_gpu_is_warned_of_once(case: Case) -> None:
    case.lock("six", "pytorch=2.5")
    (line,) = (line for line in case.reporter.said if "CUDA" in line)
    assert line.startswith("environments/demo.yml:5: warning: 1 package for NVIDIA's CUDA")
    assert "add the line `- cpuonly`" in line
    case.reporter.said.clear()
    case.lock("pytorch=2.5", "cudatoolkit=12")
    assert not any("CUDA" in line and "warning" in line for line in case.reporter.said)


def test_a_project_s_own_index_for_torch_comes_first(case: Case, pytorch: LocalIndex) -> None:
    with serve(wheel("torch", "2.5.1+own")) as own:
        mirror = replace(PYTORCH_CPU, address=own.address)
        case.project = replace(case.project, indexes=(mirror,))
        lock = case.lock("pytorch", "cpuonly")
    assert sources(lock) == {"torch": ("2.5.1+own", "pytorch_cpu")}
    assert pytorch.asked == []


def test_a_download_of_more_than_a_gigabyte_is_told() -> None:
    lock = make_lock()
    (six,) = lock.python_packages
    assert download_size(replace(lock, packages=(replace(six, size=999_999_999),))) == ()
    small = (replace(six, name=f"p{n}", size=250_000_000) for n in range(5))
    (said,) = download_size(replace(lock, packages=tuple(small)))
    assert said == "the packages are a download of 1.2 GB"
    large = replace(six, name="torch", size=2_750_000_000)
    assert download_size(replace(lock, packages=(large,))) == (
        "the packages are a download of 2.8 GB (torch 2.8 GB, …)",
    )
