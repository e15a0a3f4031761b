"""Runs uv, and says which index is at fault where one of them keeps it waiting or misleads it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from hakobune.adapters.package_index import GIVE_UP_AFTER_S, faults, watched
from hakobune.adapters.process import Completed, Runner
from hakobune.adapters.uv_errors import failure_of
from hakobune.errors import HakobuneError, IndexUnreachableError, WheelMissingError
from hakobune.model.secrets import AskedIndex
from hakobune.model.spec import requirement_name

if TYPE_CHECKING:
    from hakobune.adapters.resolver import Question

_TIMED_OUT = 124  # `Runner.capture` ends a program that takes longer than allowed
_LONGEST_S = 900


def run_uv(
    runner: Runner,
    command: Sequence[str],
    question: "Question",
    env: Mapping[str, str],
) -> Completed:
    """Run uv.

    Says which index has not answered for five seconds. Raises IndexUnreachableError for one that
    does not answer for half a minute.
    """
    indexes = partial(_addressed, question, runner, env)
    ca_bundle = env.get("SSL_CERT_FILE", "")
    with watched(indexes, _first(question), question.say, ca_bundle=ca_bundle) as probes:
        done = runner.capture(command, env=env, timeout_s=GIVE_UP_AFTER_S)
    if done.exit_code != _TIMED_OUT:
        return done
    for probe in probes:
        if not probe.ended.is_set():
            raise probe.hangs(question.file)
    # They all answer, so uv has much to fetch: it goes on with what its cache has by now.
    return runner.capture(command, env={"UV_HTTP_RETRIES": "0", **env}, timeout_s=_LONGEST_S)


def failure_or_fault(
    done: Completed,
    question: "Question",
    runner: Runner,
    env: Mapping[str, str],
    older: Completed | None = None,
) -> HakobuneError:
    """Return the error that uv's words mean, or that of an index which does not answer as one.

    `older` is as in `failure_of`.
    """
    error = failure_of(done, question, older)
    if isinstance(error, WheelMissingError):
        return error
    is_network = isinstance(error, IndexUnreachableError)
    return index_fault(question, runner, env, is_network=is_network) or error


def index_fault(
    question: "Question", runner: Runner, env: Mapping[str, str], *, is_network: bool = False
) -> HakobuneError | None:
    """Return what is wrong with the indexes, or None.

    Where only the usual index is asked, that is looked for only if uv says that the network failed.
    """
    if not is_network and not any(index.address for index in question.indexes):
        return None
    indexes = _addressed(question, runner, env)
    found = faults(indexes, _first(question), ca_bundle=env.get("SSL_CERT_FILE", ""))
    if not found:
        return None
    what = "\n".join(f"{question.file}: {fault.what}" for fault in found)
    return type(found[0])(what, remedy=found[0].remedy)


def _first(question: "Question") -> str:
    """Return a package that every index may be asked for."""
    names = map(requirement_name, question.requirements)
    return next((name for name in names if name not in question.assigned), "pip")


def _addressed(
    question: "Question", runner: Runner, env: Mapping[str, str]
) -> tuple[AskedIndex, ...]:
    """Return the indexes, with uv's own address where nobody set that of the default one."""
    from uv import find_uv_bin  # noqa: PLC0415 - asks the file system

    if all(index.address for index in question.indexes):
        return question.indexes
    # Of nothing asked for: uv prints the index, and asks it nothing.
    command = [find_uv_bin(), "pip", "compile", "-", "--no-config", "--offline", "--quiet"]
    done = runner.capture([*command, "--no-header", "--emit-index-url"], env=env, timeout_s=5)
    found = re.search(r"^--index-url (\S+)$", done.stdout, re.MULTILINE)
    address = found[1] if found else ""
    return tuple(replace(index, address=index.address or address) for index in question.indexes)
