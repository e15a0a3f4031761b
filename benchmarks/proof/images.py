"""The same checkout, the same image: built again and again under what differs between machines.

Every build has `--no-cache`, so that each step runs; those "from nothing" have an empty cache of
downloads and compiled objects too. What is compared is the manifest's digest with that of the
checkout's own image, but for one row which says itself what is the same there. What a build
leaves in the builder's cache is removed after it, so twenty take no more disk than one.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle, islice
from pathlib import Path

from drydock.images import REGISTRY, ensure_image, read_build_host
from drydock.services import open_engine
from hakobune.adapters.docker_cli import build_records, remove_records
from hakobune.adapters.process import SystemRunner
from hakobune.settings import read_settings
from hakobune.stages.reproduce import describe

ROOT = Path(__file__).resolve().parents[2]
SMALL = ROOT / "tests/cases/word-count"
# What of a project a build reads.
PARTS = ("pyproject.toml", "docker", "docker-compose.yml")
MAIN_PARTS = (*PARTS, "environments", "src/trainer")
SMALL_PARTS = (*PARTS, "conda.yml", "conda.lock", "counter")
SOCKET = Path("/var/run/docker.sock")
STRANGER = 12345  # a uid that no host has a name for
COMPOSE_LABEL = "image configuration, config.Labels.com.docker.compose."
FROM_NOTHING = "this checkout, from nothing (no cached step, download or object)"


class FailedBuildError(Exception):
    """A build did not end well, which counts as another image."""


@dataclass
class Stand:
    """The folder of all that the builds need, and the two images that they are compared with."""

    folder: Path
    stack: ExitStack
    bases: dict[Path, str] = field(default_factory=dict)
    digests: dict[Path, str] = field(default_factory=dict)
    count: int = 0

    def fresh(self) -> str:
        """Return a name that nothing has."""
        self.count += 1
        return f"hakobune-proof:{os.getpid()}-{self.count}"


def table(builds: int = 20, chosen: str = "") -> list[tuple[str, int, int]]:
    """Return rows of a variation, how many builds gave the same image, and how many there were.

    With a part of a name, only those variations run, once each. A variation that this machine
    cannot have is told on stderr, and has no row.
    """
    rows: dict[str, list[bool]] = {}
    with tempfile.TemporaryDirectory(prefix="hakobune-proof-") as text, ExitStack() as stack:
        folder = Path(text)
        folder.chmod(0o755)  # the stranger reads its checkout in it
        stand = Stand(folder, stack)
        for project in (ROOT, SMALL):
            words = planned(project)
            stand.bases[project] = words[words.index("--build-arg") + 1].partition("=")[2]
            stand.digests[project] = built(stand, words, cached=True)
        wanted = [one for one in variations(stand) if chosen in one[0]]
        for variation, build in wanted if chosen else islice(cycle(wanted), builds):
            began = time.monotonic()
            with cache_given_back():
                try:
                    same = build()
                except FailedBuildError as exc:
                    sys.stderr.write(f"{exc}\n")
                    same = False
            rows.setdefault(variation, []).append(same)
            outcome = "same" if same else "ANOTHER IMAGE"
            sys.stderr.write(f"{outcome}  {time.monotonic() - began:5.1f} s  {variation}\n")
    return [(variation, sum(found), len(found)) for variation, found in rows.items()]


def variations(stand: Stand) -> list[tuple[str, Callable[[], bool]]]:
    """Return the builds in their order: each with the name of its row, and what runs it."""
    moved = "another path, every file's time another"
    found: list[tuple[str, Callable[[], bool]]] = [
        (FROM_NOTHING, partial(from_nothing, stand, ROOT)),
        (FROM_NOTHING, partial(from_nothing, stand, ROOT)),
        (FROM_NOTHING, partial(from_nothing, stand, SMALL)),
        (moved, partial(elsewhere, stand, ROOT)),
        (moved, partial(elsewhere, stand, SMALL)),
        ("another path, by `hakobune build`", partial(by_hakobune, stand)),
        *((f"umask {mask}", partial(elsewhere, stand, SMALL, umask=mask)) for mask in MASKS),
        (f"umask {MASKS[-1]}", partial(elsewhere, stand, ROOT, umask=MASKS[-1])),
        *(
            ("another locale and time zone", partial(elsewhere, stand, SMALL, env=place))
            for place in PLACES
        ),
        ("`docker buildx bake` of docker-compose.yml", partial(by_bake, stand)),
        (
            "`docker compose build`: every layer, and the configuration but compose's own labels",
            partial(by_compose, stand),
        ),
        ("from the vendored folder, without a network", partial(offline, stand, ROOT)),
        ("from the vendored folder, without a network", partial(offline, stand, SMALL)),
    ]
    if os.geteuid() == 0 and SOCKET.exists():
        name = f"by another user (uid {STRANGER}, its own checkout)"
        found += [(name, partial(by_stranger, stand))] * 2
    else:
        sys.stderr.write("by another user: not here, this needs root\n")
    if os.geteuid() == 0 and all(map(shutil.which, ("dockerd", "ip", "nsenter", "unshare"))):
        name = "another engine, classic image store: the digest after a push"
        found += [(name, partial(by_classic_store, stand, project)) for project in (SMALL, ROOT)]
    else:
        sys.stderr.write("classic image store: not here, this needs root, dockerd and ip\n")
    return found


MASKS = ("0002", "0022", "0077")
PLACES: tuple[Mapping[str, str], ...] = (
    {"LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu"},
    {"LC_ALL": "C", "LANG": "ja_JP.UTF-8", "TZ": "America/St_Johns"},
)


def from_nothing(stand: Stand, project: Path) -> bool:
    """Build in the checkout itself, with caches of its own."""
    options = ("--build-arg", f"BUILDKIT_CACHE_MOUNT_NS={stand.fresh()}")
    return built(stand, planned(project), options=options) == stand.digests[project]


def elsewhere(
    stand: Stand, project: Path, *, umask: str = "0022", env: Mapping[str, str] | None = None
) -> bool:
    """Build a copy: other path, other times, and the modes that the umask gives."""
    copy = copied(stand, project, umask)
    return built(stand, planned(copy), env=env) == stand.digests[project]


def by_hakobune(stand: Stand) -> bool:
    """Build a copy by `hakobune build`, with whatever the engine has cached."""
    return hakobune("build", cwd=copied(stand, SMALL)).split()[1] == stand.digests[SMALL]


def by_stranger(stand: Stand) -> bool:
    """Build a checkout that belongs to an unprivileged user, as that user."""
    copy = copied(stand, SMALL, "0027")
    command = planned(copy)
    home = stand.folder / f"home-{stand.count}"
    home.mkdir()
    subprocess.run(["chown", "-R", f"{STRANGER}:{STRANGER}", str(copy), str(home)], check=True)
    ids = ("--reuid", str(STRANGER), "--regid", str(STRANGER))
    before = ("setpriv", *ids, "--groups", str(SOCKET.stat().st_gid))
    env = {"HOME": str(home), "USER": "stranger"}
    return built(stand, command, before=before, env=env) == stand.digests[SMALL]


def by_bake(stand: Stand) -> bool:
    """Build what docker-compose.yml describes, by buildx."""
    copy, tag = copied(stand, SMALL), stand.fresh()
    command = ("docker", "buildx", "bake", "--file", "docker-compose.yml", "--load", "--no-cache")
    do([*command, "--set", f"count.tags={tag}", "count"], cwd=copy, env=compose_env(stand))
    with removed(tag):
        return image_id(tag) == stand.digests[SMALL]


def by_compose(stand: Stand) -> bool:
    """Build by compose, which writes three labels of its own into each image."""
    copy, tag, first = copied(stand, SMALL), stand.fresh(), stand.fresh()
    own = copy / "tag.yml"
    own.write_text(f"services: {{count: {{image: '{tag}'}}}}\n", encoding="utf-8")
    files = ("--file", "docker-compose.yml", "--file", str(own))
    command = ["docker", "compose", *files, "build", "--no-cache", "count"]
    do(command, cwd=copy, env=compose_env(stand))
    built(stand, planned(copy), tag=first, is_kept=True, cached=True)
    with removed(tag), removed(first):
        archives = stand.folder / "compose-1.tar", stand.folder / "compose-2.tar"
        for name, archive in zip((first, tag), archives, strict=True):
            do(["docker", "save", name, "--output", str(archive)])
        lines = describe(archives, "", "")
        is_same = image_id(first) == stand.digests[SMALL]
    return is_same and len(lines) == 3 and all(line.startswith(COMPOSE_LABEL) for line in lines)  # noqa: PLR2004


def compose_env(stand: Stand) -> dict[str, str]:
    """Return what docker-compose.yml asks the environment for, and no provenance."""
    found = {"HAKOBUNE_BASE": stand.bases[SMALL], "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
    bundle = read_settings().ca_bundle
    return {**found, "HAKOBUNE_CA_BUNDLE": str(bundle)} if bundle else found


def offline(stand: Stand, project: Path) -> bool:
    """Build from the vendored folder; `--network none` is in the planned command."""
    return built(stand, planned(project, *vendored(stand, project))) == stand.digests[project]


def by_classic_store(stand: Stand, project: Path) -> bool:
    """Build in an engine of its own, which writes a manifest when it pushes, and push."""
    engine = classic_engine(stand)
    # That engine has nothing yet, so each step runs.
    hakobune("build", *vendored(stand, project), cwd=project, env=engine.env)
    pushed = do(
        [*engine.inside, sys.executable, "-m", "hakobune", "push", "--registry", engine.registry],
        cwd=project,
        env={"PYTHONPATH": str(ROOT / "src"), **engine.env},
    )
    return pushed.split()[-1].partition("@")[2] == stand.digests[project]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassicEngine:
    """A second engine and a registry, in a network that nothing leads into or out of.

    `inside` is what a command begins with to run in that network.
    """

    env: Mapping[str, str]
    inside: tuple[str, ...]
    registry: str


def classic_engine(stand: Stand) -> ClassicEngine:
    """Return the engine with the classic store, started once."""
    state = stand.folder / "classic"
    socket = state / "socket"
    env = {"DOCKER_HOST": f"unix://{socket}"}
    if not state.exists():
        state.mkdir()
        (state / "daemon.json").write_text('{"features": {"containerd-snapshotter": false}}')
        options = ("--config-file", "daemon.json", "--data-root", "data", "--exec-root", "run")
        network = ("--bridge=none", "--iptables=false", "--ip6tables=false")
        log = stand.stack.enter_context((state / "log").open("wb"))
        host = ("--host", f"unix://{socket}", "--pidfile", str(state / "pid"))
        # A network of its own: an engine without a bridge removes docker0, another's or not.
        start = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", "dockerd")
        engine = subprocess.Popen(
            [*start, *absolute(state, options), *network, *host],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        stand.stack.callback(end, engine, state)
        deadline = time.monotonic() + 30
        while not do(["docker", "version"], env=env, may_fail=True):
            if engine.poll() is not None or time.monotonic() > deadline:
                raise FailedBuildError((state / "log").read_text()[-1000:])
            time.sleep(0.2)
        image, archive = ensure_image(REGISTRY, open_engine(), read_build_host()), state / "tar"
        do(["docker", "save", image, "--output", str(archive)])
        do(["docker", "load", "--input", str(archive)], env=env)
        options = ("--detach", "--rm", "--network", "host", "--tmpfs", "/data:mode=1777")
        do(["docker", "run", *options, image], env=env)
    number = (state / "pid").read_text().strip()
    return ClassicEngine(
        env=env,
        inside=("nsenter", "--target", number, "--net"),
        registry="127.0.0.1:5000",
    )


def absolute(folder: Path, options: Sequence[str]) -> list[str]:
    """Return the options with their values as paths in the folder."""
    return [word if word.startswith("-") else str(folder / word) for word in options]


def end(engine: "subprocess.Popen[bytes]", state: Path) -> None:
    """Ask the engine to end, and wait: its mounts lie in a folder that is removed next."""
    with suppress(ProcessLookupError):
        engine.send_signal(signal.SIGTERM)
    engine.wait(timeout=60)
    # What it leaves mounted of a container that was in its own network.
    do(["umount", str(state / "run/netns/default")], may_fail=True)


def vendored(stand: Stand, project: Path) -> tuple[str, ...]:
    """Return the options that name the project's vendored folder, filled once."""
    folder = stand.folder / f"vendor-{project.name}"
    if not folder.exists():
        hakobune("vendor", "--folder", str(folder), cwd=project)
    return ("--offline", "--folder", str(folder))


def copied(stand: Stand, project: Path, umask: str = "0022") -> Path:
    """Return a copy of what a build reads, as a checkout under this umask would leave it, now."""
    stand.count += 1
    copy = stand.folder / f"checkout-{stand.count}" / "as someone called it"
    before = os.umask(int(umask, 8))
    try:
        for part in MAIN_PARTS if project == ROOT else SMALL_PARTS:
            for path in [project / part, *sorted((project / part).rglob("*"))]:
                relative = path.relative_to(project)
                if path.is_dir() and "__pycache__" not in relative.parts:
                    (copy / relative).mkdir(parents=True, exist_ok=True)
                elif path.is_file() and path.suffix not in (".so", ".pyc"):
                    (copy / relative).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, copy / relative)  # neither mode nor time
    finally:
        os.umask(before)
    copy.parent.chmod(0o755)
    return copy


def planned(project: Path, *options: str, env: Mapping[str, str] | None = None) -> list[str]:
    """Return the command that `hakobune build` would run there."""
    said = hakobune("build", "--dry-run", *options, cwd=project, env=env)
    return shlex.split(said)


def built(  # noqa: PLR0913 - what differs from build to build, by name
    stand: Stand,
    command: Sequence[str],
    *,
    options: Sequence[str] = (),
    before: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    tag: str = "",
    is_kept: bool = False,
    cached: bool = False,
) -> str:
    """Run a planned build, without cached steps, under a name of its own; return the image's id."""
    words, name = list(command), tag or stand.fresh()
    words[words.index("--tag") + 1] = name
    bundle = read_settings().ca_bundle
    secret = ("--secret", f"id=ca_bundle,src={bundle}") if bundle else ()
    words[3:3] = [*([] if cached else ["--no-cache"]), *options, *secret]
    do([*before, *words], env=env)
    if is_kept:
        return image_id(name, env)
    with removed(name, env):
        return image_id(name, env)


@contextmanager
def cache_given_back() -> Iterator[None]:
    """Remove at the end what the builder's cache did not hold before: 1 to 4 GB a build."""
    runner = SystemRunner()
    before = build_records(runner)
    try:
        yield
    finally:
        remove_records(runner, build_records(runner).keys() - before.keys())


@contextmanager
def removed(tag: str, env: Mapping[str, str] | None = None) -> Iterator[None]:
    """Take the name from the engine at the end."""
    try:
        yield
    finally:
        do(["docker", "image", "rm", "--force", tag], env=env, may_fail=True)


def image_id(tag: str, env: Mapping[str, str] | None = None) -> str:
    """Return the image's id: the manifest's digest in the containerd store."""
    return do(["docker", "image", "inspect", tag, "--format", "{{.Id}}"], env=env).strip()


def hakobune(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Run the product's command in a folder; return what it prints."""
    path = {"PYTHONPATH": str(ROOT / "src"), **(env or {})}
    return do([sys.executable, "-m", "hakobune", *arguments], cwd=cwd, env=path)


def do(
    command: Sequence[str],
    *,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    may_fail: bool = False,
) -> str:
    """Run to the end; return stdout. Raises FailedBuildError, unless it may fail: then nothing."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return done.stdout
    if may_fail:
        return ""
    raise FailedBuildError(f"{' '.join(command)[:500]}\n{done.stderr[-1500:]}")
