"""Injects each fault at each step where it can occur; checks the message and what is left behind.

A cell is right if the fault was used; the command succeeded or failed with the error that names
this fault; the same command succeeded afterwards, without the fault; and drydock holds exactly what
one undisturbed command would have left: nothing lost, nothing twice.
"""

import fnmatch
import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from drydock.faults import KINDS, Faults
from drydock.mounted_output import FAULTS as OF_A_MOUNT  # need a job that renames: tests/e2e
from rehearsal.stand import Done, Stand, expect

EVERY = "*"
SUBMIT = ("submit", "--create-compute", "--text", "text.txt")
# The names of the errors that each fault may end in. Empty: retried, and the command succeeded.
NAMES: Mapping[str, tuple[str, ...]] = {
    "429": ("",),
    "500": ("",),
    "slow-network": ("",),
    "dropped-upload": ("",),
    "dropped-download": ("",),
    "expired-token": ("",),
    "expired-secret": ("login-expired",),
    "expired-assertion": ("assertion-expired",),
    "mfa-required": ("mfa-required",),
    "conditional-access": ("conditional-access",),
    "expired-sas": ("",),
    "clock-skew": ("", "login-missing"),
    "no-permission": ("permission-missing", "storage-role-missing"),
    "storage-firewall": ("storage-firewall",),
    "role-missing": ("permission-missing", "job-failed"),
    "quota-exceeded": ("quota-exceeded",),
    "image-pull-refused": ("job-failed",),
    "mount-refused": ("job-failed",),
    "preempted": ("job-failed",),
    "preempted-canceled": ("job-canceled",),
    "preempted-restarted": ("",),
    "out-of-memory": ("job-failed",),
    "output-empty": ("outputs-missing",),
}
# What the remedy must speak of where the command did not end well.
REMEDIES: Mapping[str, str] = {
    "expired-secret": "secret",
    "expired-assertion": "log in again",
    "mfa-required": "second factor",
    "conditional-access": "administrator",
    "storage-firewall": "network",
    "mount-refused": "identity",
    "clock-skew": "clock",
    "no-permission": "role",
    "role-missing": "role",
    "quota-exceeded": "quota",
    "output-empty": "outputs",
}
# The quota is looked at to warn early: a login that may not look goes on, and the service decides.
# A secret is asked for once more, and a log comes from run history where the storage refuses it.
_TOLERATED = ("compute: quota", "watch: log", "fetch: secret")
_PLANE = ("429", "500", "slow-network", "expired-token", "no-permission", "clock-skew")
_BLOBS = (
    "429",
    "500",
    "slow-network",
    "expired-sas",
    "no-permission",
    "clock-skew",
    "storage-firewall",
)
_CHANGE = (*_PLANE, "role-missing")
_LOGIN = ("expired-secret", "expired-assertion", "mfa-required", "conditional-access")
_JOB = (
    "image-pull-refused",
    "role-missing",
    "mount-refused",
    "preempted",
    "preempted-canceled",
    "preempted-restarted",
    "out-of-memory",
)
# What no step of a submit meets: tests/unit/drydock/test_access.py has it.
OF_DOCTOR = ("registry-abac",)
# Needs a job whose command fails at first: tests/unit/drydock/test_lifecycle.py.
OF_A_FAILURE = ("failure-restarted",)
# Asked for only when the version is new: these cells need an image that no cell had.
_NEW_IMAGE = "environment_versions_create_or_update"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of a submit, the requests to fail there, and the faults."""

    name: str
    route: str
    kinds: tuple[str, ...]
    prepare: Callable[[Stand, str], tuple[str, ...]]
    adds: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What came of one fault at one step; `wrong` is empty where all was right."""

    step: str
    kind: str
    code: int
    again: int
    seconds: float
    wrong: str
    said: str


def table(stand: Stand, rows: str = EVERY) -> bool:
    """Print a row per step and fault, then what is wrong; tell whether nothing is.

    `rows` is a pattern of steps' names.
    """
    expect(stand.hakobune(*SUBMIT, "--fetch"), "submit")
    cells: list[Cell] = []
    print(f"\n{'step':<24} {'fault':<20} {'ended':>5} {'again':>5} {'seconds':>7}   said")
    for step in (step for step in _steps() if fnmatch.fnmatchcase(step.name, rows)):
        for kind in step.kinds:
            cell = _cell(stand, step, kind, f"{len(cells)}")
            cells.append(cell)
            shown = cell.wrong.upper() if cell.wrong else cell.said
            ended = f"{cell.code:>5} {cell.again:>5} {cell.seconds:>7.1f}"
            print(f"{cell.step:<24} {cell.kind:<20} {ended}   {shown}", flush=True)
    wrong = [cell for cell in cells if cell.wrong]
    asked = {cell.kind for cell in cells} | {*OF_A_MOUNT, *OF_DOCTOR, *OF_A_FAILURE}
    unasked = sorted(set(KINDS) - asked) if rows == EVERY else []
    print(
        f"\n{len(cells)} cells, {len(wrong)} wrong" + (f"; no cell: {unasked}" if unasked else "")
    )
    return not wrong and not unasked


def _cell(stand: Stand, step: Step, kind: str, mark: str) -> Cell:
    """Return the result of the command with this fault, and of the same command after it."""
    faults = Faults(stand.state)
    command = step.prepare(stand, f"cell {mark}")
    before = stand.counts()
    faults.inject(kind, route=step.route, times=2 if _is_asked_again(step, kind) else 1)
    first = stand.hakobune(*command)
    is_left = bool(faults.clear())
    # A job that failed is over: what helps is another one.
    more = ("--again",) if step.name == "job" else ()
    again = stand.hakobune(*command, *more) if first.code != 0 or more else first
    after = stand.counts()
    added = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    may = NAMES[kind] + (("",) if step.name in _TOLERATED else ())
    wrong = ""
    if is_left:
        wrong = "the fault was not used"
    elif _name(first) not in may:
        wrong = f"exit code {first.code}, not of {may}: {_last(first)}"
    elif first.code != 0 and REMEDIES.get(kind, "") not in _remedy(first):
        wrong = f"the remedy does not speak of {REMEDIES[kind]}: {_remedy(first)}"
    elif again.code != 0:
        wrong = f"again: exit code {again.code}: {_last(again)}"
    elif added != step.adds:
        wrong = f"there are now {added} more, not {dict(step.adds)}"
    return Cell(
        step=step.name,
        kind=kind,
        code=first.code,
        again=again.code,
        seconds=first.seconds,
        wrong=wrong,
        said=_last(first),
    )


def _is_asked_again(step: Step, kind: str) -> bool:
    """Tell whether the storage is asked once more, with a fresh secret, before a refusal counts."""
    return step.route.startswith("blob ") and kind in ("no-permission", "storage-firewall")


def _name(done: Done) -> str:
    """Return the name of the error that ended the command; empty for none."""
    named = re.search(r"(?m)^error\[([a-z-]+)\]: ", done.stderr)
    return (named[1] if named else "unknown") if done.code else ""


def _remedy(done: Done) -> str:
    return done.stderr.rpartition("  fix: ")[2].strip()


def _last(done: Done) -> str:
    lines = [line for line in done.stderr.splitlines() if line.startswith("error[")]
    if lines:
        return lines[-1][:150]
    tries = sum("trying again" in line for line in done.stderr.splitlines())
    return f"tolerated, {tries} retries" if tries else "tolerated"


def _steps() -> tuple[Step, ...]:
    job = {"jobs": 1}
    return (
        _step("login", "login_token", ("429", "500", "slow-network", *_LOGIN), _input, job),
        _step("push", "workspaces_get", _PLANE, _input, job),
        _step("environment: look", "environment_versions_get", _PLANE, _input, job),
        _step("environment: create", _NEW_IMAGE, _CHANGE, _image, {**job, "environments": 1}),
        _step("compute: look", "compute_get", _PLANE, _input, job),
        _step(
            "compute: create",
            "compute_create_or_update",
            _CHANGE,
            _compute,
            {**job, "computes": 1},
        ),
        _step("compute: quota", "usages_list", (*_PLANE, "quota-exceeded"), _input, job),
        _step("submit: input", "blob PUT", (*_BLOBS, "dropped-upload"), _input, job),
        _step("submit: job", "jobs_create_or_update", _CHANGE, _input, job),
        _step("watch: status", "jobs_get", _PLANE, _to_watch, {}),
        _step("watch: log", "blob GET", (*_BLOBS, "dropped-download"), _to_watch, {}),
        _step("fetch: secret", "datastores_list_secrets", _PLANE, _to_fetch, {}),
        _step("fetch: files", "blob GET", (*_BLOBS, "dropped-download"), _to_fetch, {}),
        _step(
            "register: file", "blob PUT", (*_BLOBS, "dropped-upload"), _to_register, {"models": 1}
        ),
        _step(
            "register: model",
            "model_versions_create_or_update",
            _CHANGE,
            _to_register,
            {"models": 1},
        ),
        _step(
            "job",
            "job *",
            (*_JOB, "output-empty"),
            _whole,
            {"jobs": 2},
        ),
    )


def _step(
    name: str,
    route: str,
    kinds: tuple[str, ...],
    prepare: Callable[[Stand, str], tuple[str, ...]],
    adds: Mapping[str, int],
) -> Step:
    return Step(name=name, route=route, kinds=kinds, prepare=prepare, adds=adds)


def _input(stand: Stand, mark: str) -> tuple[str, ...]:
    """Write an input that was not uploaded yet."""
    stand.write_text(mark)
    return SUBMIT


def _whole(stand: Stand, mark: str) -> tuple[str, ...]:
    stand.write_text(mark)
    return (*SUBMIT, "--fetch")


def _image(stand: Stand, mark: str) -> tuple[str, ...]:
    """Build code that was not there yet, and so a new digest and environment's version."""
    with (stand.project / "counter/__main__.py").open("a", encoding="utf-8") as file:
        file.write(f"# {mark}\n")
    stand.build()
    return _input(stand, mark)


def _compute(stand: Stand, mark: str) -> tuple[str, ...]:
    return (*_input(stand, mark), "--compute", f"c-{mark.replace(' ', '-')}")


def _to_watch(stand: Stand, mark: str) -> tuple[str, ...]:
    stand.write_text(mark)
    return ("watch", expect(stand.hakobune(*SUBMIT), "submit").stdout.split()[0])


def _to_fetch(stand: Stand, mark: str) -> tuple[str, ...]:
    del mark
    job = _fetched(stand)
    shutil.rmtree(stand.project / "runs" / job)
    return ("fetch", job)


def _to_register(stand: Stand, mark: str) -> tuple[str, ...]:
    """Let a job make a model that was not registered yet, and fetch it."""
    stand.write_text(mark)
    done = expect(stand.hakobune(*SUBMIT, "--fetch", "--json"), "submit")
    # No local run has read this text.
    return ("register", json.loads(done.stdout)["job"], "--ungraded")


def _fetched(stand: Stand) -> str:
    """Return a job that was fetched, and no local run."""
    jobs = {path.stem for path in (stand.state / "resources/jobs").glob("*.json")}
    runs = {path.parent.name for path in stand.project.glob("runs/*/counts.json")}
    return min(jobs & runs)
