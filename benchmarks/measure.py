"""What the benchmarks share: running commands, measuring images, printing a row."""

import gzip
import json
import os
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of an image: its digest, and its size in bytes, compressed and not."""

    digest: str
    compressed: int
    uncompressed: int


def run(command: Sequence[str], *, env: Mapping[str, str] | None = None) -> str:
    """Run to the end in the project's folder and return stdout; a failure ends the benchmark."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    return done.stdout


def timed(command: Sequence[str], *, env: Mapping[str, str] | None = None) -> tuple[float, float]:
    """Run to the end; return seconds on the clock and seconds of the processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    run(command, env=env)
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu


def layers(image: str) -> list[Layer]:
    """Return the image's layers, as `docker save` gives them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "image.tar")
        run(["docker", "save", image, "--output", str(path)])
        with tarfile.open(path) as archive:
            manifest = archive.extractfile("manifest.json")
            assert manifest is not None
            found = []
            for name in json.load(manifest)[0]["Layers"]:
                member = archive.extractfile(name)
                assert member is not None
                compressed = archive.getmember(name).size
                size = 0
                with gzip.GzipFile(fileobj=member) as stream:
                    while chunk := stream.read(1 << 20):
                        size += len(chunk)
                found.append(
                    Layer(digest=name.split("/")[-1], compressed=compressed, uncompressed=size)
                )
    return found


def image_tag() -> str:
    """Return the tag of the image that `make image` built."""
    lines = (ROOT / "docker-compose.yml").read_text(encoding="utf-8").splitlines()
    return next(line.split()[1] for line in lines if line.strip().startswith("image:"))


def base_of(image: str) -> str:
    """Return the base image's name that the image's label holds."""
    label = '{{index .Config.Labels "org.opencontainers.image.base.name"}}'
    return run(["docker", "image", "inspect", image, "--format", label]).strip()


def report(what: str, value: str, reference: str, ratio: float, bound: str) -> None:
    """Print one row."""
    print(f"{what:<46} {value:>11} {reference:>11} {ratio:>7.3f}   {bound}")


def report_head() -> None:
    """Print the row of names."""
    print(f"{'':<46} {'hakobune':>11} {'reference':>11} {'ratio':>7}   bound")
