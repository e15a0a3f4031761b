"""The docker program: engine, builds, images, trainings. Failures are translated."""

import json
import re
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import IO

from hakobune.adapters import containers
from hakobune.adapters.build_failure import why_failed
from hakobune.adapters.build_progress import BuildProgress, shown_waiting
from hakobune.adapters.containers import comma_separated
from hakobune.adapters.process import Completed, Runner, printable
from hakobune.errors import (
    BuildkitMissingError,
    DiskFullError,
    EngineMissingError,
    ImageMissingError,
)
from hakobune.model.container import ContainerEnd
from hakobune.model.image import Image
from hakobune.model.lock import PLATFORM
from hakobune.model.project import Project
from hakobune.model.reporter import Reporter
from hakobune.model.sandbox import AS_OWNER, SANDBOXES, SMOKE
from hakobune.model.secrets import NO_SECRETS, BuildSecrets
from hakobune.model.training import Training

BASE_LABEL = "org.opencontainers.image.base.name"
# On the container of a training: the folder of its project.
PROJECT_LABEL = "hakobune.project"
# The first of these that is there is the one that compose reads.
COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_ABSENT = re.compile(r"no such image", re.IGNORECASE)


def engine_version(runner: Runner) -> str:
    """Return the engine's version. Raises EngineMissingError."""
    done = runner.capture(["docker", "version", "--format", "{{.Server.Version}}"])
    version = done.stdout.strip()
    if done.exit_code == 0 and version:
        return version
    if done.exit_code == 127:  # noqa: PLR2004 - the shell's code for a missing program
        what = "there is no `docker` program"
    elif "permission denied" in done.stderr.lower():
        what = "the Docker engine refuses this user"
    else:
        what = "no Docker engine answers"
    said = done.stderr.strip().splitlines()
    raise EngineMissingError(
        f"{what}{': ' + said[-1] if said and done.exit_code != 127 else ''}",  # noqa: PLR2004
        remedy=f"{containers.engine_command()}\n(starts one, or prints what to install)",
    )


def require_buildkit(runner: Runner, engine: str) -> None:
    """Raise BuildkitMissingError unless buildx and an engine of version 23 or later are there.

    Version 23 is the first whose builder reads `COPY <<END`
    (https://docs.docker.com/engine/release-notes/23.0/).
    """
    major = re.match(r"\d+", engine)
    if major and int(major[0]) < 23:  # noqa: PLR2004
        raise BuildkitMissingError(
            f"the Docker engine is {engine}: its builder is older than this Dockerfile's syntax",
            remedy=f"install Docker 23 or later, or on Debian: {containers.engine_command()}",
        )
    done = runner.capture(["docker", "buildx", "version"])
    if done.exit_code != 0:
        raise BuildkitMissingError(
            "docker has no buildx plugin, so it cannot build with BuildKit",
            remedy="install docker-buildx (docker-buildx-plugin in Docker's own packages), "
            f"or on Debian: {containers.engine_command()}",
        )


def keeps_manifests(runner: Runner) -> bool:
    """Tell whether an image's id is its manifest's digest here: the containerd image store."""
    done = runner.capture(["docker", "info", "--format", "{{json .DriverStatus}}"])
    return "io.containerd.snapshotter" in done.stdout


def has_gpus(runner: Runner) -> bool:
    """Tell whether the engine can give a container NVIDIA's GPUs, as far as it tells.

    It lists NVIDIA's runtime or, since version 28.2, the devices that CDI describes.
    """
    done = runner.capture(["docker", "info", "--format", "{{json .}}"])
    facts = json.loads(done.stdout) if done.exit_code == 0 else {}
    devices = facts.get("DiscoveredDevices") or []
    return "nvidia" in (facts.get("Runtimes") or {}) or any(
        str(device.get("ID", "")).startswith("nvidia.com/gpu") for device in devices
    )


def data_folder(runner: Runner) -> Path | None:
    """Return where the engine keeps its images, which may be on another machine."""
    done = runner.capture(["docker", "info", "--format", "{{.DockerRootDir}}"])
    return Path(done.stdout.strip()) if done.exit_code == 0 and done.stdout.strip() else None


def builder_driver(runner: Runner) -> str:
    """Return the driver of the builder that a build would use; empty where buildx does not say."""
    done = runner.capture(["docker", "buildx", "inspect"])
    found = re.search(r"^Driver:\s*(\S+)", done.stdout, re.MULTILINE)
    return found[1] if done.exit_code == 0 and found else ""


def has_engine_proxy(runner: Runner) -> bool:
    """Tell whether the engine itself, which pulls images, goes through a proxy."""
    done = runner.capture(["docker", "info", "--format", "{{.HTTPProxy}}{{.HTTPSProxy}}"])
    return bool(done.stdout.strip())


def pull(runner: Runner, image: str, reporter: Reporter) -> bool:
    """Pull an image; tell whether the engine has it now. Why it has not is shown."""
    command = ["docker", "pull", "--quiet", "--platform", "linux/amd64", image]
    done = shown_waiting(runner, command, reporter, name="base", what=f"pulling {image}")
    if done.exit_code != 0 and (said := done.stdout.strip() or done.stderr.strip()):
        reporter.say(said)
    return done.exit_code == 0


def has_image(runner: Runner, image: str) -> bool:
    """Tell whether the engine has this image."""
    return runner.capture(["docker", "image", "inspect", image]).exit_code == 0


def inspect(runner: Runner, tag: str, *, base: str = "") -> Image:
    """Return the image of this tag. Raises ImageMissingError or EngineMissingError.

    Its id is the manifest's digest where the engine keeps images in containerd's store, and the
    digest of its configuration elsewhere.
    """
    done = runner.capture(["docker", "image", "inspect", "--", tag])
    if done.exit_code != 0:
        if not _ABSENT.search(done.stderr):
            engine_version(runner)
        raise ImageMissingError(f"the engine has no image {tag}", remedy="hakobune build")
    facts = json.loads(done.stdout)[0]
    labels = facts.get("Config", {}).get("Labels") or {}
    return Image(
        tag=tag,
        id=str(facts["Id"]),
        base=base or str(labels.get(BASE_LABEL, "")),
        size_bytes=int(facts.get("Size", 0)),
        environment_sha256=str(labels.get("hakobune.environment.sha256", "")),
        lock_sha256=str(labels.get("hakobune.lock.sha256", "")),
        source_sha256=str(labels.get("hakobune.source.sha256", "")),
        platform=f"{facts.get('Os', 'linux')}/{facts.get('Architecture', 'amd64')}",
    )


def build_command(  # noqa: PLR0913 - what a build is made of, by name
    *,
    tag: str,
    dockerfile: Path,
    context: Path,
    arguments: Mapping[str, str],
    secrets: BuildSecrets = NO_SECRETS,
    options: Sequence[str] = (),
) -> list[str]:
    """Return the build as an argument list; `options` are further ones, as they are.

    The texts of the secrets go by the environment, see BuildSecrets. `--provenance=false`,
    because provenance holds the clock and would make each digest new.
    """
    command = ["docker", "buildx", "build", "--platform", "linux/amd64", "--provenance=false"]
    command += ["--progress=plain", "--load", "--tag", tag, "--file", str(dockerfile)]
    for name, value in arguments.items():
        command += ["--build-arg", f"{name}={value}"]
    if secrets.ca_bundle is not None:
        command += ["--secret", comma_separated("id=ca_bundle", f"src={secrets.ca_bundle}")]
    for name, variable in secrets.variable_names().items():
        command += ["--secret", f"id={name},env={variable}"]
    return [*command, *options, str(context)]


def export_command(  # noqa: PLR0913 - as above
    *,
    folder: Path,
    dockerfile: Path,
    context: Path,
    arguments: Mapping[str, str],
    secrets: BuildSecrets = NO_SECRETS,
    options: Sequence[str] = (),
) -> list[str]:
    """Return a build whose files land in a folder of this machine, and in no image."""
    command = build_command(
        tag="",
        dockerfile=dockerfile,
        context=context,
        arguments=arguments,
        secrets=secrets,
        options=("--output", comma_separated("type=local", f"dest={folder}"), *options),
    )
    # An image's name and its way into the engine, which this build has no use for.
    start = command.index("--load")
    return command[:start] + command[start + 3 :]


def offline_options(*, wheels: Path, base: str, instead: str) -> tuple[str, ...]:
    """Return what makes a build take wheels and base from this machine, and no network at all.

    `instead` is where the base is: `oci-layout://…` or `docker-image://…`.
    """
    return (
        *("--network", "none", "--build-context", f"vendor={wheels}"),
        *("--build-context", f"{base}={instead}"),
    )


def load(runner: Runner, archive: Path) -> None:
    """Give the engine the images of an archive. Raises DiskFullError or BuildFailedError."""
    done = runner.capture(["docker", "load", "--input", str(archive)])
    if done.exit_code != 0:
        raise why_failed(done.stderr)


def build(
    runner: Runner,
    command: Sequence[str],
    reporter: Reporter,
    *,
    name: str = "build",
    secrets: BuildSecrets = NO_SECRETS,
) -> None:
    """Run a build with these secrets; the reporter gets a line, with this name, for each stage.

    After a failure it gets all that the failed step printed, and the name of a file that has the
    whole output. Raises BuildFailedError, or what the output shows to be the cause.
    """
    progress = BuildProgress(reporter, name=name)
    try:
        done = runner.show(command, env=secrets.variables(), take=progress.take)
    finally:
        progress.end()
    if done.exit_code != 0:
        output = done.stdout or done.stderr
        if failed := progress.failed_text():
            reporter.say(failed)
        reporter.say(f"the whole output of the build is in {_kept(output)}")
        raise why_failed(output)


def _kept(output: str) -> Path:
    """Return a new file, readable by this user alone, that holds what a failed build printed."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="hakobune-build-", suffix=".log", delete=False, errors="replace"
    ) as file:
        file.write(output)
    return Path(file.name)


def save(runner: Runner, image: str, archive: Path) -> None:
    """Write the image as a tar archive. Raises DiskFullError or ImageMissingError."""
    done = runner.capture(["docker", "save", image, "--output", str(archive)])
    if done.exit_code != 0:
        said = done.stderr.strip()
        if "no space left on device" in said.lower():
            raise DiskFullError(
                f"{archive.parent}: the disk is full: {said}",
                remedy="free some space, or set TMPDIR to a folder on another disk",
            )
        raise ImageMissingError(
            f"the engine cannot save {image}: {said}", remedy="build it again: hakobune build"
        )


def save_into(runner: Runner, image: str, consume: Callable[[IO[bytes]], None]) -> str:
    """Hand the image's tar archive to `consume` as a stream; return why saving failed, or ""."""
    done = runner.pipe(["docker", "save", "--", image], consume)
    return done.stderr.strip() if done.exit_code != 0 else ""


def add_tag(runner: Runner, image: str, tag: str) -> None:
    """Move a tag to this image. Raises ImageMissingError."""
    done = runner.capture(add_tag_command(image, tag))
    if done.exit_code != 0:
        raise ImageMissingError(
            f"the engine cannot tag {image} as {tag}: {printable(done.stderr.strip())}",
            remedy="build it again: hakobune build",
        )


def add_tag_command(image: str, tag: str) -> list[str]:
    """Return the command that moves a tag to an image."""
    return ["docker", "tag", image, tag]


def remove_tag_command(tag: str) -> list[str]:
    """Return the command that takes a tag from its image."""
    return ["docker", "image", "rm", "--force", tag]


def remove_tag(runner: Runner, tag: str) -> None:
    """Take a name of ours from the engine, and the image with it if it has no other name."""
    runner.capture(remove_tag_command(tag))


def remove_caches(runner: Runner, namespace: str) -> None:
    """Remove the build caches that a build with this BUILDKIT_CACHE_MOUNT_NS made, and no other."""
    mount = f'with id "{namespace}/'
    remove_records(
        runner, [name for name, record in build_records(runner).items() if mount in record]
    )


def build_records(runner: Runner) -> dict[str, str]:
    """Return what the engine's builder keeps: each record's id, and what is told of it."""
    listed = runner.capture(["docker", "buildx", "du", "--verbose"]).stdout
    named = (re.match(r"ID:\s*(\w+)$", record, re.MULTILINE) for record in listed.split("\n\n"))
    return {name[1]: name.string for name in named if name}


def remove_records(runner: Runner, names: Collection[str]) -> None:
    """Remove these records of the builder; one that a build or another record needs stays."""
    if names:
        # buildx takes one filter for ids, and BuildKit reads it as a regular expression.
        chosen = f'id="^({"|".join(sorted(names))})$"'
        runner.capture(["docker", "buildx", "prune", "--force", "--all", "--filter", chosen])


def run_program(runner: Runner, image: str, program: str) -> Completed:
    """Run a Python program's text in a container that can reach and change nothing.

    Raises ContainerFailedError.
    """
    shut_in = (*SANDBOXES[SMOKE].docker_options(), "--entrypoint", "python")
    return containers.run_container(runner, [*shut_in, image, "-I", "-c", program])[0]


def running_in(runner: Runner, service: str) -> list[str] | None:
    """Return the folder of each project of which a training runs; None: no engine answers.

    `service` is the name of the compose service, by which a training of plain compose is known.
    """
    labels = ("com.docker.compose.service", "com.docker.compose.project.working_dir", PROJECT_LABEL)
    shown = ",".join(f'{{{{json (.Label "{name}")}}}}' for name in labels)
    done = runner.capture(["docker", "ps", "--format", f"[{shown}]"])
    if done.exit_code != 0:
        return None
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [ours or folder for name, folder, ours in rows if ours or name == service]


def train_command(project: Project, training: Training, *, image: str) -> list[str]:
    """Return the `docker run` of a training: its program in its sandbox, of this image."""
    # Not `--rm`: only a container that is there can be asked how it ended.
    command = ["docker", "run", "--name", training.container, "--interactive"]
    command += ["--tty"] if training.is_terminal else []
    command += ["--pull", "never", "--platform", PLATFORM]
    command += ["--label", f"{PROJECT_LABEL}={project.root}", *training.sandbox.docker_options()]
    for bind in training.binds:
        command += ["--mount", containers.mount(bind)]
    command += ["--env", f"HAKOBUNE_RUN_ID={training.run_id}", "--entrypoint", "/bin/sh", image]
    return [*command, "-c", AS_OWNER, project.service, *project.started(training.arguments)]


def train(runner: Runner, command: Sequence[str], container: str) -> ContainerEnd:
    """Run a training's command on our terminal; return how its container ended, and remove it.

    Whatever ends us, the container of this name does not go on without us. Raises
    ContainerFailedError or EngineMissingError where the program never ran.
    """
    try:
        if runner.attach(command) != 0:
            engine_version(runner)
        return containers.end_of(runner, container)
    except BaseException:
        containers.stop(runner, container)
        raise
    finally:
        containers.remove(runner, container)
