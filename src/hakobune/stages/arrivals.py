"""What a container wrote, looked at and moved to `runs/`.

A program sees one empty folder as `runs`, and no finished run that it could change. What lies there
afterwards is somebody else's: it is moved only if it holds nothing but folders and plain files.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from hakobune.adapters import docker_cli, files
from hakobune.adapters.process import Runner, printable
from hakobune.errors import HakobuneError, OutputRefusedError, RunExistsError
from hakobune.model.forms import is_of
from hakobune.model.project import Project
from hakobune.model.reporter import Reporter
from hakobune.model.sandbox import INCOMING
from hakobune.model.training import RUNS, WAITING, Training
from hakobune.transform.names import safe_name

# Above any training's own; hashing as many takes a few seconds.
MAX_FILES = 100_000
# A file with holes may claim any size on a small disk. Reading this much takes some minutes.
MAX_BYTES = 256 * 1024**3
# Deeper than any tool makes, and far from what a path may be long.
MAX_DEPTH = 64
# What is in `runs/` beside the runs.
_OURS = ("mlflow", "README.md")
FAILURE = "failure.json"  # what our training program leaves of a run that failed
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@contextmanager
def awaited(project: Project, training: Training, reporter: Reporter) -> Iterator[None]:
    """Make the folder that the training sees as `runs`; at the end move what is the run's.

    That holds for a training that fails, too: it may have left why. Raises RunExistsError before
    anything is started, and OutputRefusedError where nothing was moved.
    """
    for folder in training.folders:
        if not _is_free(project.root / folder):
            raise RunExistsError(
                f"{folder} exists already: a training writes to a new folder",
                remedy=f"name another folder, or remove this one: rm -r {folder}",
            )
    waiting = project.root / training.waiting
    with _made(waiting):
        try:
            yield
        except BaseException:
            # The container is gone by now, and writes no more.
            _take_or_say(project, waiting, training.folders, reporter)
            raise
        _take(project, waiting, training.folders, reporter)


def collect(project: Project, runner: Runner, reporter: Reporter) -> None:
    """Move to `runs/` what plain `docker compose run`, or a training that was cut off, left.

    Nothing is touched while a training of this project runs, or where that cannot be found out.
    What cannot be moved is said.
    """
    folders = docker_cli.running_in(runner, project.service)
    if folders is None:
        reporter.say(f"{INCOMING} holds new runs; they are moved to {RUNS} once the engine answers")
        return
    if any(_is_same(Path(folder), project.root) for folder in folders):
        return
    with files.only_one(files.own_folder(project.root) / "arrivals.lock") as is_alone:
        if not is_alone:
            return
        for source in _plain(project.root / INCOMING):
            _collect_one(project, source, reporter)
        for waiting in sorted((project.root / RUNS).glob(WAITING.format("*"))):
            with _held(waiting) as is_left:
                if is_left:
                    run = f"{RUNS}/{waiting.stem[1:]}"
                    _take_or_say(project, waiting, (run,), reporter)


def require_plain(path: Path, *, base: Path) -> None:
    """Raise OutputRefusedError unless this is a folder or file of what may lie in `runs/`.

    No link of either kind, device, FIFO or socket; no file with the rights of its owner or group;
    no name that cannot be shown; and no more than the limits above. No link is followed. `base` is
    the folder from which the message names an entry.
    """
    count = size_bytes = 0
    pending = [(path, os.lstat(path), 0)]
    while pending:
        place, found, depth = pending.pop()
        count, size_bytes = count + 1, size_bytes + found.st_size
        what = _unfit(place.name, found)
        if not what and (count > MAX_FILES or depth > MAX_DEPTH):
            what = f"one too many: more than {MAX_FILES} files, or {MAX_DEPTH} folders deep"
        if not what and size_bytes > MAX_BYTES:
            what = f"too much: more than {MAX_BYTES >> 30} GiB in all"
        if what:
            shown = "/".join(printable(part) for part in place.relative_to(base).parts)
            raise OutputRefusedError(
                f"the program left {shown}, which is {what}; nothing was moved to {RUNS}",
                remedy="let it write plain files into its own folder",
            )
        if stat.S_ISDIR(found.st_mode):
            pending += [(place / name, below, depth + 1) for name, below in _entries(place)]


def _unfit(name: str, found: os.stat_result) -> str:
    """Return in words why an entry may not lie in `runs/`; empty where it may."""
    kind = stat.S_IFMT(found.st_mode)
    if kind in _KINDS:
        return _KINDS[kind]
    if not is_of("file name", name):
        return "a name that cannot be shown"
    if kind == stat.S_IFREG and found.st_nlink > 1:
        return "one file under two names (a hard link)"
    # A folder may have the set-group bit from the folder above.
    if kind == stat.S_IFREG and found.st_mode & (stat.S_ISUID | stat.S_ISGID):
        return "a program that runs with the rights of its owner (setuid or setgid)"
    return ""


def _entries(folder: Path) -> list[tuple[str, os.stat_result]]:
    try:
        with os.scandir(folder) as entries:
            few = islice(entries, MAX_FILES + 1)
            return [(entry.name, entry.stat(follow_symlinks=False)) for entry in few]
    except OSError as exc:
        raise OutputRefusedError(
            f"the program left {printable(folder.name)}, which cannot be read: {exc.strerror}",
            remedy="let it write folders that its user can read",
        ) from exc


@contextmanager
def _made(waiting: Path) -> Iterator[None]:
    """Make the empty folder, and hold it while inside.

    Its owner is that of `runs`, as whom the program runs. It gets its name only when it is held:
    until then another command would take it for one that was left over.
    """
    files.make_folder(waiting.parent)
    new = waiting.with_suffix(".new")
    # Other users of this machine cannot reach what the program writes, such as a setuid file.
    new.mkdir(mode=0o700)
    owner = waiting.parent.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.chown(new, owner.st_uid, owner.st_gid)
    with _held(new):
        new.rename(waiting)
        yield


@contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """Hold the folder for this process while inside; the value tells whether nobody else has it."""
    import fcntl  # noqa: PLC0415 - few commands need it

    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:  # gone, or no folder
        yield False
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(handle)


def _take_or_say(
    project: Project, waiting: Path, folders: Iterable[str], reporter: Reporter
) -> None:
    try:
        _take(project, waiting, folders, reporter)
    except HakobuneError as exc:
        reporter.say(f"{exc.what}; {exc.remedy}")


def _take(project: Project, waiting: Path, folders: Iterable[str], reporter: Reporter) -> None:
    """Move the run's folders out of the one that the program saw as `runs`, or none of them.

    What else lies there is not the run's; it stays, out of the way.
    """
    try:
        require_plain(waiting, base=waiting)
        for folder in folders:
            _move(waiting / Path(folder).relative_to(RUNS), project.root / folder)
    except OutputRefusedError as exc:
        raise OutputRefusedError(
            exc.what, remedy=f"{exc.remedy}; it is now in {_set_aside(project, waiting)}"
        ) from exc
    left = sorted(path.name for path in _plain(waiting, hidden=True) if not _is_empty_folder(path))
    if left:
        shown = ", ".join(printable(name) for name in left[:3])
        reporter.say(
            f"the program also wrote {shown} beside its run's folder; that is now in "
            f"{_set_aside(project, waiting)}"
        )
    else:
        files.remove(waiting)


def _collect_one(project: Project, source: Path, reporter: Reporter) -> None:
    name = printable(source.name)
    target = project.root / RUNS / source.name
    if source.name in _OURS or source.name.startswith("-"):
        aside = _set_aside(project, source)
        reporter.say(f"{INCOMING}/{name} has a name that no run can have; it is now in {aside}")
        return
    if not _is_free(target):
        reporter.say(f"{INCOMING}/{name} stays there: {RUNS}/{name} exists; rename one of them")
        return
    try:
        require_plain(source, base=project.root)
    except OutputRefusedError as exc:
        reporter.say(f"{exc.what}; it is now in {_set_aside(project, source)}")
        return
    _move(source, target)
    reporter.done("arrive", f"{RUNS}/{name}")


def _move(source: Path, target: Path) -> None:
    if not os.path.lexists(source):
        return  # the program made no such folder
    if not _is_free(target):  # another was faster
        raise RunExistsError(
            f"{target} exists already; the new run stays in {source}",
            remedy="rename or remove one of them",
        )
    files.make_folder(target.parent)
    files.remove(target)  # an empty folder, or a failed run
    files.move_folder(source, target)


def _set_aside(project: Project, path: Path) -> str:
    """Give what is no run a name that no command reads, and its owner alone access; return it."""
    found = os.lstat(path).st_mode
    if not stat.S_ISLNK(found):
        path.chmod(0o700 if stat.S_ISDIR(found) else 0o600)
    base = f"{RUNS}/.refused-{safe_name(path.name)}"
    names = (base, *(f"{base}-{number}" for number in range(2, MAX_FILES)))
    name = next(name for name in names if not os.path.lexists(project.root / name))
    files.move_folder(path, project.root / name)
    return name


def _plain(folder: Path, *, hidden: bool = False) -> list[Path]:
    """Return what lies in a folder, without what is hidden."""
    if not folder.is_dir() or folder.is_symlink():
        return []
    return sorted(path for path in folder.iterdir() if hidden or not path.name.startswith("."))


def _is_free(target: Path) -> bool:
    """Tell whether a run may take this place: nothing is lost but an earlier failure's reason."""
    if not os.path.lexists(target):
        return True
    is_folder = target.is_dir() and not target.is_symlink()
    return is_folder and {path.name for path in target.iterdir()} <= {FAILURE}


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not any(path.iterdir())


def _is_same(one: Path, other: Path) -> bool:
    return one.exists() and one.samefile(other)
