"""Cases of shared/field by their own run.sh; its README says what is right."""

import re

from hostile.bench import ROOT, Bench, Done
from hostile.rows import Row

_NO_MEMORY = re.compile(r"(?i)memory")
_LIMIT = re.compile(r"(?i)\b(64 ?m(i?b)?|67 ?MB|67108864)\b")


def _row(name: str, expected: str, done: Done, *, is_right: bool, found: str = "") -> Row:
    return Row(name=name, expected=expected, found=found or done.end, is_right=is_right)


def same_file_name(bench: Bench) -> Row:
    """Train on two inputs called d.csv from two folders."""
    done = bench.run("sh", "run.sh", cwd=bench.field("01-same-file-name"))
    read = '"data": "A' in done.text and '"more": "B' in done.text
    refused = "error[" in done.text and "a/d.csv" in done.text and "b/d.csv" in done.text
    expected = "both reach the program, or both are named"
    found = "both reached it" if read else "" if refused else f"wrong data; {done.end}"
    return _row("01-same-file-name", expected, done, is_right=read or refused, found=found)


def folder_with_a_space(bench: Bench) -> Row:
    """Train in folders with spaces, accents and colons."""
    done = bench.run("sh", "run.sh", cwd=bench.field("06-folder-with-a-space"))
    codes = re.findall(r"^(.*): (\d+)$", done.text, re.MULTILINE)[-3:]
    is_right = [code for _, code in codes] == ["0"] * 3
    found = ", ".join(f"{name} {code}" for name, code in codes)
    return _row("06-folder-with-a-space", "each trains", done, is_right=is_right, found=found)


def ignored_file(bench: Bench) -> Row:
    """Build with a file in the source that git ignores."""
    project = bench.field("07-ignored-file-in-source")
    digest = "docker image inspect --format '{{.Id}}' " + bench.images[-1]
    script = (project / "run.sh").read_text(encoding="utf-8")
    script = script.replace("hakobune build | tail -n 1", f"hakobune build && {digest}")
    (project / "run.sh").write_text(script, encoding="utf-8")
    done = bench.run("sh", "run.sh", cwd=project)
    ids = re.findall(r"^(sha256:[0-9a-f]{64})$", done.text, re.MULTILINE)
    changed = re.findall(r"^ M (.*)$", done.text, re.MULTILINE)
    is_right = len(ids) == 2 and ids[0] == ids[1] and not changed
    found = f"{len(set(ids))} digests of {len(ids)} builds; changed: {', '.join(changed) or 'none'}"
    expected = "the same digest, nothing changed"
    return _row("07-ignored-file-in-source", expected, done, is_right=is_right, found=found)


def line_ends(bench: Bench) -> Row:
    """Lock in a checkout with CRLF."""
    project = bench.field("08-line-ends")
    done = bench.run("sh", "run.sh", cwd=project)
    is_right = "CRLF" in done.text or "are up to date with" in done.text
    lock = (project / "conda.lock").read_bytes()
    is_kept = b"six-1.17" in lock
    found = f"{'' if is_kept else 'THE PINS ARE GONE; '}{done.end}"
    expected = "works, or says CRLF"
    return _row("08-line-ends", expected, done, is_right=is_right and is_kept, found=found)


def memory(bench: Bench) -> Row:
    """Train with a program that takes more memory than it may."""
    done = bench.run("sh", "run.sh", cwd=bench.field("10-killed-for-memory"))
    told = done.text.rpartition("error[")[2]
    is_right = bool(_NO_MEMORY.search(told) and _LIMIT.search(told)) and done.code != 0
    return _row("10-killed-for-memory", "memory and limit are named", done, is_right=is_right)


def code_in_tmp(bench: Bench) -> Row:
    """Run a program that compiles code and loads it from /tmp."""
    done = bench.run("sh", "run.sh", str(ROOT), cwd=bench.field("11-code-in-tmp"))
    is_right = done.code == 0 and done.text.rstrip().endswith("1")
    return _row("11-code-in-tmp", "the code is loaded", done, is_right=is_right)


def name_with_dots(bench: Bench) -> Row:
    """Lock an environment whose name Azure ML does not take."""
    project = bench.field("12-name-with-dots")
    name = f"{bench.mark}fc.dots-1.9"
    locked = bench.hakobune("lock", cwd=project)
    mapped = re.search(rf"{bench.mark}fc[-_]+dots[-_]+1[-_]+9", locked.text)
    if mapped:
        bench.images.append(f"{mapped[0]}:local")
    told = bool(mapped) if locked.code == 0 else name in locked.text
    done = bench.run("sh", "run.sh", cwd=project)
    is_right = told and (locked.code != 0 or "error[name-invalid]" not in done.text)
    expected = "told at lock: refused, or mapped and taken"
    found = f"lock {'names it' if told else 'says nothing'}; {done.end}"
    return _row("12-name-with-dots", expected, done, is_right=is_right, found=found)
