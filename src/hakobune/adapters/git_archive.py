"""A commit of a git repository to a source archive, through git's program. Executes none of it."""

import struct
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from hakobune.adapters.process import Completed, Runner, printable
from hakobune.errors import CommitUnavailableError

_LARGEST = 300_000_000
_STORED = 0xFFFF  # bytes of a stored block (RFC 1951, 3.2.4)
# Nothing of this machine's configuration may change the bytes, and no address may start a program.
_FIXED = (
    *("-c", "core.autocrlf=false", "-c", "core.eol=lf", "-c", "tar.umask=0022"),
    *("-c", "core.attributesFile=/dev/null", "-c", "core.hooksPath=/dev/null"),
    *("-c", "transfer.fsckObjects=true", "-c", "protocol.ext.allow=never"),
)


def git_archive(runner: Runner, address: str, *, name: str, env: Mapping[str, str]) -> bytes:
    """Return the .tar.gz of a commit: the same bytes from every clone, on every machine.

    `address` is `git+https://…@<40 hex digits>`, and `name` the folder in the archive. Git checks
    each object by its hash, so the commit's id decides the content. A login is git's own matter.
    Raises CommitUnavailableError.
    """
    place, _, commit = address.removeprefix("git+").rpartition("@")
    known = {"GIT_TERMINAL_PROMPT": "0", "TZ": "UTC", "LC_ALL": "C"}
    if env.get("SSL_CERT_FILE"):
        known["GIT_SSL_CAINFO"] = env["SSL_CERT_FILE"]
    with tempfile.TemporaryDirectory(prefix="hakobune-git-") as text:
        folder, tar = Path(text, "repository"), Path(text, "tree.tar")

        def git(*words: str) -> Completed:
            return runner.capture(["git", *_FIXED, "-C", str(folder), *words], env=known)

        folder.mkdir()
        _require(git("init", "--quiet", "--bare", "."), address)
        # Most servers give a commit that is asked for; others only what a branch or tag leads to.
        if git("fetch", "--quiet", "--depth=1", "--", place, commit).exit_code != 0:
            _require(git("fetch", "--quiet", "--", place, "+refs/*:refs/all/*"), address)
        _require(git("cat-file", "-e", f"{commit}^{{commit}}"), address)
        if git("cat-file", "-e", f"{commit}:.gitmodules").exit_code == 0:
            raise CommitUnavailableError(
                f"{address}: the commit has submodules, which no archive of it contains",
                remedy="name a release of an index, or the commit of a repository without them",
            )
        form = ("--format=tar", f"--prefix={name}/", "-o", str(tar), commit)
        _require(git("archive", *form), address)
        if tar.stat().st_size > _LARGEST:
            raise CommitUnavailableError(
                f"{address}: the commit has more than {_LARGEST // 1_000_000} MB",
                remedy="name a release of an index",
            )
        return _gzip(tar.read_bytes())


def _require(done: Completed, address: str) -> None:
    if done.exit_code == 0:
        return
    said = done.stderr.strip().splitlines()
    what = "there is no `git` program" if done.exit_code == 127 else "git does not get this commit"  # noqa: PLR2004 - the shell's code for a missing program
    raise CommitUnavailableError(
        f"{address}: {what}{': ' + printable(said[-1]) if said else ''}",
        remedy="check the address and the commit (git ls-remote ADDRESS), and that git itself can "
        "log in there",
    )


def _gzip(content: bytes) -> bytes:
    """Return gzip's form (RFC 1952) of bytes, uncompressed: compressors differ by version."""
    parts = [b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"]
    for start in range(0, len(content), _STORED):
        block = content[start : start + _STORED]
        is_last = start + _STORED >= len(content)
        parts += [struct.pack("<BHH", is_last, len(block), len(block) ^ 0xFFFF), block]
    parts.append(struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF))
    return b"".join(parts)
