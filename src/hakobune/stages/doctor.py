"""What this machine has and lacks for each step.

Changes nothing: one container is started that reads and writes a file in a folder of its own, and
both are removed.
"""

import os
import re
import shlex
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from hakobune.adapters import debian_base, docker_cli, registry, resolver
from hakobune.adapters.azure_sdk import INSTALL_SDK, is_sdk_installed
from hakobune.adapters.commit import is_ignored
from hakobune.adapters.process import Runner
from hakobune.adapters.round_trip import require_round_trip
from hakobune.errors import HakobuneError, IndexUnreachableError
from hakobune.model.destination import Destination
from hakobune.model.finding import Finding
from hakobune.model.project import Project, script_of
from hakobune.stages import base_image
from hakobune.stages.build import image_tag
from hakobune.stages.compose import differences
from hakobune.stages.project import open_project, read_current_lock, read_environment
from hakobune.stages.render import check_lock, current_source

# A first build was measured to take 2.6 GB: packages, their archive, the base, the build's cache.
_BUILD_NEEDS_BYTES = 4_000_000_000
_LOOPBACK = re.compile(r"://([^/@\s]*@)?(127\.\d+\.\d+\.\d+|localhost|\[::1\])[:/]")


def examine(  # noqa: PLR0913 - what this machine is, by name
    start: Path,
    runner: Runner,
    index: Mapping[str, str],
    *,
    proxies: Collection[str] = (),
    has_docker_proxies: bool = False,
    login: str = "",
    destination: Callable[[Path], Destination] = lambda _: Destination(),
) -> tuple[Finding, ...]:
    """Return a finding for each step, in the order of the story; `index` as for `lock`.

    `proxies` are the names of the proxy variables that are set here; `has_docker_proxies` tells
    whether docker hands proxies of its own to builds. `login` says what Azure's SDK will log in
    with, empty for nothing; `destination` finds the workspace of the project in a folder.
    """
    try:
        project = open_project(start)
        read_environment(project)
    except HakobuneError as exc:
        return (_failed("project", exc),)
    found = [
        Finding(step="project", state="ok", what=f"{project.environment} is a valid conda file"),
        _checked("source", lambda: _source(project, runner)),
        _checked("command", lambda: _command(project)),
        _checked("lock", lambda: _lock(runner, index)),
        _checked("render", lambda: _render(project)),
        *_compose(project),
    ]
    engine = _checked("engine", lambda: _engine(runner))
    found.append(engine)
    if engine.state != "no":
        found += [
            _checked("base", lambda: _base(project, runner)),
            _checked("build", lambda: _build(runner)),
            _checked("host", lambda: _host(runner, index, proxies, passed=has_docker_proxies)),
            _checked("train", lambda: _train(project, runner)),
        ]
        if project.gpus:
            found.append(_checked("gpus", lambda: _gpus(runner)))
    found.append(_checked("login", lambda: _login(destination(project.root), login)))
    return tuple(found)


def _checked(step: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except HakobuneError as exc:
        return _failed(step, exc)


def _failed(step: str, error: HakobuneError) -> Finding:
    return Finding(step=step, state="no", what=error.what, remedy=error.remedy)


def _source(project: Project, runner: Runner) -> Finding:
    source = current_source(project, runner)
    if is_ignored(runner, project.root / project.source):
        return Finding(
            step="source",
            state="weak",
            what=f"git ignores {project.source}: the image takes all of its files, and no commit "
            "proves them",
            remedy=f"remove {project.source} from .gitignore",
        )
    count = f"{len(source.files)} file{'' if len(source.files) == 1 else 's'}"
    return Finding(step="source", state="ok", what=f"{project.source_name}: {count}")


def _command(project: Project) -> Finding:
    """Look at the scripts that the project's commands start, the first of which trains."""
    first, *others = [
        _started(project, words)
        for words in (project.command, *(one.command for one in project.commands))
    ]
    broken = next((one for one in (first, *others) if one.state != "ok"), None)
    named = [f"{one.name}: {shlex.join(one.command)}" for one in project.commands]
    return broken or replace(first, what="; ".join([first.what, *named]))


def _started(project: Project, words: tuple[str, ...]) -> Finding:
    script, command = script_of(words), shlex.join(words)
    path = PurePosixPath(script)
    if not script or path.is_absolute():  # of the image, which may not be built yet
        return Finding(step="command", state="ok", what=command)
    problem = ""
    if not (project.root / path).is_file():
        problem = "does not exist"
    elif ".." in path.parts or not path.is_relative_to(project.source):
        problem = f"is not in the image, which takes {project.source} only"
    if problem:
        return Finding(
            step="command",
            state="no",
            what=f"`{command}`: {script} {problem}",
            remedy="correct `command` or `source` of [tool.hakobune] in pyproject.toml",
        )
    return Finding(step="command", state="ok", what=f"{command}; {script} exists")


def _login(to: Destination, login: str) -> Finding:
    """Look at what this machine logs in to Azure with; the network is not used."""
    names = (to.subscription, to.resource_group, to.workspace)
    if not any(names):
        what = "no Azure ML workspace is configured, so no login is needed"
        return Finding(step="login", state="ok", what=what)
    to.require_workspace()
    if not is_sdk_installed():
        return Finding(
            step="login",
            state="no",
            what=f"a job in {to.workspace} needs Azure ML's SDK, which is not installed",
            remedy=INSTALL_SDK,
        )
    if login:
        what = f"{to.workspace}: {login} (whether Azure accepts it was not tried)"
        return Finding(step="login", state="ok", what=what)
    return Finding(
        step="login",
        state="no",
        what=f"this machine is not logged in to Azure, where the workspace {to.workspace} is",
        remedy="az login",
    )


def _lock(runner: Runner, index: Mapping[str, str]) -> Finding:
    try:
        resolver.probe(runner, index)
    except IndexUnreachableError as exc:
        return Finding(
            step="lock",
            state="weak",
            what="the package index does not answer; a lock that exists can still be checked",
            remedy=exc.remedy,
        )
    return Finding(step="lock", state="ok", what="the package index answers")


def _render(project: Project) -> Finding:
    lock = check_lock(project)
    what = f"{project.lock} ({len(lock.packages)} packages) and {project.dockerfile} are current"
    return Finding(step="render", state="ok", what=what)


def _compose(project: Project) -> list[Finding]:
    """Compare the project's compose file, if it has one, with the container of `train`."""
    if not any((project.root / name).is_file() for name in docker_cli.COMPOSE_FILES):
        return []
    return [_checked("compose", lambda: _compared(project))]


def _compared(project: Project) -> Finding:
    found = differences(project)
    if not found:
        what = "the compose file describes the container that hakobune train runs"
        return Finding(step="compose", state="ok", what=what)
    return Finding(
        step="compose",
        state="weak",
        what="plain docker compose runs another container than hakobune train\n" + "\n".join(found),
        remedy="correct these lines; hakobune compose prints what they should be",
    )


def _engine(runner: Runner) -> Finding:
    version = docker_cli.engine_version(runner)
    docker_cli.require_buildkit(runner, version)
    if docker_cli.keeps_manifests(runner):
        return Finding(step="engine", state="ok", what=f"Docker {version}, buildx")
    return Finding(
        step="engine",
        state="weak",
        what=f"Docker {version} with the classic image store: an image's digest is known only "
        "after a push",
        remedy="switch on the containerd image store "
        "(https://docs.docker.com/engine/storage/containerd/)",
    )


def _base(project: Project, runner: Runner) -> Finding:
    lock = read_current_lock(project)
    image = lock.registry_base.image
    have = base_image.found_locally(lock, runner)
    if have is not None:
        return Finding(step="base", state="ok", what=f"{have} is here")
    if registry.tag_digest(runner, image) is not None:
        return Finding(step="base", state="ok", what=f"the registry of {image} answers")
    if lock.debian_base is None:
        return Finding(
            step="base",
            state="no",
            what=f"no registry answers for {image}, and the lock lists no Debian packages",
            remedy="give this host a registry, or run `hakobune lock` once on a Debian host",
        )
    problem = debian_base.missing(runner)
    what = f"no registry answers for {image}"
    if problem:
        return Finding(step="base", state="no", what=f"{what}; {problem[0]}", remedy=problem[1])
    return Finding(step="base", state="ok", what=f"{what}: Debian's packages will make the base")


def _build(runner: Runner) -> Finding:
    folder = docker_cli.data_folder(runner)
    if folder is None or not folder.exists():
        return Finding(step="build", state="ok", what="the engine's disk is not on this machine")
    free = shutil.disk_usage(folder).free
    what = f"{free / 1e9:.0f} GB free where the engine keeps its images"
    if free < _BUILD_NEEDS_BYTES:
        return Finding(
            step="build",
            state="weak",
            what=f"{what}; a first build takes about {_BUILD_NEEDS_BYTES / 1e9:.0f} GB",
            remedy="docker system df, then docker builder prune",
        )
    return Finding(step="build", state="ok", what=what)


def _host(
    runner: Runner, index: Mapping[str, str], proxies: Collection[str], *, passed: bool
) -> Finding:
    """Look for settings that hold for this process and not for the engine or a build."""
    found, remedies = [], []
    builder = docker_cli.builder_driver(runner)
    if builder not in ("docker", ""):
        found.append(f"the builder's driver is {builder}: it does not see the engine's images")
        remedies.append("docker buildx use default")
    local = [name for name, value in index.items() if _LOOPBACK.search(value)]
    if local:
        found.append("the package index is an address of this machine, which no build can reach")
        remedies.append("give the index an address that a container can reach")
    if proxies and not docker_cli.has_engine_proxy(runner):
        found.append(f"{', '.join(proxies)} holds for this process, and the engine has no proxy")
        remedies.append("https://docs.docker.com/engine/daemon/proxy/")
    if proxies and not passed:
        found.append(f"{', '.join(proxies)} holds for this process, and for no build")
        remedies.append("https://docs.docker.com/engine/cli/proxy/")
    if not found:
        what = "no setting of this machine is missing in the engine or in a build"
        return Finding(step="host", state="ok", what=what)
    return Finding(step="host", state="weak", what="\n".join(found), remedy="\n".join(remedies))


def _gpus(runner: Runner) -> Finding:
    if docker_cli.has_gpus(runner):
        return Finding(step="gpus", state="ok", what="the engine lists NVIDIA's GPUs or runtime")
    return Finding(
        step="gpus",
        state="weak",
        what='[tool.hakobune] has gpus = "all", and the engine lists neither NVIDIA\'s runtime nor '
        "a GPU: a training probably cannot start",
        remedy="install NVIDIA's driver and Container Toolkit, then: "
        "nvidia-ctk runtime configure --runtime=docker\n"
        "https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html",
    )


def _train(project: Project, runner: Runner) -> Finding:
    image = docker_cli.inspect(runner, image_tag(read_current_lock(project)))
    runs = project.root / "runs"
    if not os.access(runs if runs.exists() else project.root, os.W_OK):
        return Finding(
            step="train",
            state="no",
            what=f"{runs} is not writable",
            remedy="check who owns the folder: the container's program runs as its owner",
        )
    require_round_trip(runner, image.id, runs if runs.exists() else project.root)
    what = f"{image.tag}, {image.size_bytes / 1e6:.0f} MB; its containers see this machine's files"
    return Finding(step="train", state="ok", what=what)
