"""The image's size beside the plain reading of the same conda file.

Plain: `pip install` of the list, unlocked, on the same base, with nothing left out. pip keeps
its cache in that layer, as it does in most people's Dockerfiles; the second row leaves the cache
out (`--no-cache-dir`). Sizes are of layers: the tar as it is, and as `docker save` compresses it.
"""

import shlex
import tempfile
from pathlib import Path

from hakobune.settings import read_settings
from hakobune.stages.project import open_project, read_environment
from measure import ROOT, Layer, base_of, image_tag, layers, report, report_head, run

MB = 1_000_000


def plain_image(*, keeps_cache: bool, base: str) -> list[Layer]:
    """Build the plain image and return its layers; the image is removed again."""
    wanted = [r.text for r in read_environment(open_project(ROOT)).requirements]
    option = "" if keeps_cache else "--no-cache-dir "
    text = f"""\
FROM {base}
RUN --mount=type=secret,id=ca_bundle --mount=type=secret,id=pip_conf \\
  PIP_CERT=/run/secrets/ca_bundle PIP_CONFIG_FILE=/run/secrets/pip_conf && \\
  export PIP_CERT PIP_CONFIG_FILE && \\
  python3 -m venv /venv && /venv/bin/pip install --quiet {option}{shlex.join(wanted)}
"""
    settings = read_settings()
    tag = "hakobune-benchmark:plain"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Dockerfile").write_text(text, encoding="utf-8")
        Path(folder, "pip.conf").write_text(settings.build_secrets().pip_conf, encoding="utf-8")
        bundle = settings.ca_bundle or Path("/dev/null")
        run(
            [
                *("docker", "buildx", "build", "--no-cache", "--provenance=false", "--load"),
                *("--platform", "linux/amd64", "--tag", tag),
                *("--secret", f"id=ca_bundle,src={bundle}"),
                *("--secret", f"id=pip_conf,src={folder}/pip.conf", folder),
            ]
        )
    found = layers(tag)
    run(["docker", "image", "rm", "--force", tag])
    return found


def main() -> None:
    """Print the sizes."""
    image = image_tag()
    base = base_of(image)
    ours = layers(image)
    report_head()
    for keeps_cache in (True, False):
        plain = plain_image(keeps_cache=keeps_cache, base=base)
        name = "plain pip install" if keeps_cache else "plain, --no-cache-dir"
        for kind, bound in (("uncompressed", "560 MB, 0.7x"), ("compressed", "200 MB")):
            mine = sum(getattr(layer, kind) for layer in ours)
            theirs = sum(getattr(layer, kind) for layer in plain)
            report(
                f"{kind} layers, beside {name}",
                f"{mine / MB:.0f} MB",
                f"{theirs / MB:.0f} MB",
                mine / theirs,
                bound,
            )
    for number, layer in enumerate(ours, 1):
        sizes = f"{layer.uncompressed / MB:.2f} MB, {layer.compressed / MB:.2f} MB compressed"
        print(f"layer {number}: {sizes}")


if __name__ == "__main__":
    main()
