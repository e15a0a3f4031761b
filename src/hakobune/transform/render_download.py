"""The Dockerfile that downloads what `hakobune vendor` keeps of the package indexes. Pure."""

from hakobune.model.lock import Lock, LockedSdist, LockedWheel
from hakobune.transform.install_blocks import (
    ASK_INDEX,
    USE_UV,
    VENDOR,
    fetched_lines,
    requirements,
)


def render_download(
    lock: Lock, packages: tuple[LockedWheel | LockedSdist, ...], *, fetch_program: str
) -> bytes:
    """Return the Dockerfile of an image that consists of these packages' files alone.

    The image's own Python downloads them, from the index that the image's build uses.
    """
    wheels = tuple(package for package in packages if isinstance(package, LockedWheel))
    sdists = tuple(package for package in packages if isinstance(package, LockedSdist))
    listed = fetch = ""
    lines = "\n".join(fetched_lines(sdists))
    if sdists:
        listed = f"""\
COPY <<'END' /build/tools.txt
{requirements(lock.installers)}
END
COPY <<'END' /build/sdists.txt
{lines}
END
COPY <<'END' /build/fetch_sdists.py
{fetch_program.rstrip()}
END
"""
        fetch = f"""\
$pip install --quiet --no-deps --only-binary :all: --ignore-requires-python \\
  --require-hashes -r /build/tools.txt
{USE_UV}
python3 /build/fetch_sdists.py /build/tools/bin/uv /build/sdists.txt /wheels /build/{VENDOR}
"""
    return f"""\
# check=skip=FromPlatformFlagConstDisallowed
ARG HAKOBUNE_BASE
FROM scratch AS {VENDOR}
FROM --platform={lock.platform} ${{HAKOBUNE_BASE}} AS fetched
{_batches(wheels)}\
{listed}\
{ASK_INDEX}
mkdir -p /wheels
for list in /build/lists/*.txt; do
  [ ! -e "$list" ] || $pip download --quiet --no-deps --only-binary :all: --require-hashes \\
    --dest /wheels -r "$list"
done
{fetch}\
END
FROM scratch
COPY --from=fetched /wheels /
""".encode()


def _batches(wheels: tuple[LockedWheel, ...]) -> str:
    """Return lists of the wheels, each with a package once: pip takes no two versions of one.

    What builds a source distribution may be another version than the image has.
    """
    batches: list[dict[str, LockedWheel]] = []
    for wheel in wheels:
        free = (batch for batch in batches if wheel.name not in batch)
        batch = next(free, None)
        if batch is None:
            batches.append({wheel.name: wheel})
        else:
            batch[wheel.name] = wheel
    return "".join(
        f"COPY <<'END' /build/lists/{number}.txt\n{requirements(tuple(batch.values()))}\nEND\n"
        for number, batch in enumerate(batches)
    )
