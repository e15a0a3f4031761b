"""Building again: with nothing changed, and with one line of code changed.

The reference is a build of all but the base from nothing (`docker buildx build --no-cache`), on the
same machine in the same run. The changed line is added to a copy of the project.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hakobune.stages.project import open_project
from measure import ROOT, base_of, image_tag, layers, report, report_head, run


def main() -> None:
    """Print the times, and the bytes of layers that a change of code makes new."""
    hakobune = [str(Path(sys.executable).absolute()), "-m", "hakobune", "build"]
    image = image_tag()
    run(hakobune)
    before = {layer.digest for layer in layers(image)}
    began = time.monotonic()
    run(hakobune)
    unchanged = time.monotonic() - began
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, ROOT.name)
        tracked = run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        for name in filter(None, tracked.split("\0")):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
        program = copy / open_project(ROOT).source / "__main__.py"
        with program.open("a", encoding="utf-8") as file:
            file.write("\n# one more line\n")
        began = time.monotonic()
        subprocess.run(hakobune, cwd=copy, check=True, capture_output=True)
        changed = time.monotonic() - began
        new = [layer for layer in layers(image) if layer.digest not in before]
    began = time.monotonic()
    run(
        [
            *("docker", "buildx", "build", "--no-cache", "--provenance=false", "--load"),
            *("--platform", "linux/amd64", "--tag", "hakobune-benchmark:rebuild"),
            *("--build-arg", f"HAKOBUNE_BASE={base_of(image)}"),
            *("--build-arg", "SOURCE_DATE_EPOCH=315532800"),
            *("--secret", "id=ca_bundle,src=/etc/ssl/certs/ca-certificates.crt"),
            *("--file", "docker/Dockerfile", "."),
        ]
    )
    whole = time.monotonic() - began
    again = image_id("hakobune-benchmark:rebuild")
    run(["docker", "image", "rm", "--force", "hakobune-benchmark:rebuild"])
    run(hakobune)
    report_head()
    report(
        "build, nothing changed", f"{unchanged:.1f} s", f"{whole:.1f} s", unchanged / whole, "3 s"
    )
    report("build, code changed", f"{changed:.1f} s", f"{whole:.1f} s", changed / whole, "10 s")
    size = sum(layer.compressed for layer in new)
    everything = sum(layer.compressed for layer in layers(image))
    report(
        "new compressed layers after that change",
        f"{size / 1000:.0f} KB",
        f"{everything / 1000:.0f} KB",
        size / everything,
        "200 KB",
    )
    same = "the same digest" if again == image_id(image) else "ANOTHER DIGEST"
    print(f"the build from nothing has {same}: {again}")


def image_id(tag: str) -> str:
    """Return the image's id; in the containerd store it is the manifest's digest."""
    return run(["docker", "image", "inspect", tag, "--format", "{{.Id}}"]).strip()


if __name__ == "__main__":
    main()
