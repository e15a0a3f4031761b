"""Takes a job from Starting to its final status; a Runner runs its container."""

import contextlib
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from drydock.blob_uris import (
    MODEL_TYPES,
    output_uri,
    stored_uri,
)
from drydock.engine import EngineError
from drydock.job_properties import LOG_FOLDER, nodes_of, spec_of
from drydock.job_spec import (
    Finished,
    JobSpec,
    PullRefusedError,
    Runner,
    StartRefusedError,
    UnwantedError,
)
from drydock.machines import Machines
from drydock.refusal import Refusal
from drydock.state.jobs import CancelPendingError, Job
from drydock.workspace_state import WorkspaceState

POLL_S = 0.2
_KILLED = 137
_PREEMPTED = "NodePreempted"
_PREEMPTIONS = ("preempted", "preempted-canceled", "preempted-restarted")
# The service's words: https://github.com/Azure/azureml-examples/issues/3463
_NO_PULL = (
    "This error may occur because the compute could not authenticate with the Docker registry to "
    "pull the image. If using ACR please ensure the ACR has Admin user enabled or a Managed "
    "Identity with `AcrPull` access to the ACR is assigned to the compute."
)
_RESTARTED = "Restarted"  # no status: the job starts again
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """How a job ends: its final status, and why."""

    status: str
    code: str = ""
    message: str = ""


class Conductor:
    """Takes each job through its steps, in a thread per job."""

    def __init__(self, state: WorkspaceState, runner: Runner) -> None:
        self._state = state
        self._runner = runner
        self.machines = Machines(state.computes)
        self._is_closing = threading.Event()
        self._threads: list[threading.Thread] = []

    def resume(self) -> None:
        """Continue the jobs that were not over when drydock stopped."""
        for job in self._state.jobs.all():
            if not job.is_over:
                self.conduct(job)

    def conduct(self, job: Job) -> None:
        """Start a job's thread."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=self._guarded, args=(job,), name=job.name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def close(self) -> None:
        """End the threads; the containers keep running, and `resume` continues their jobs."""
        self._is_closing.set()
        self.machines.wake()
        for thread in self._threads:
            thread.join(timeout=5)

    def _guarded(self, job: Job) -> None:
        try:
            outcome = self._run(job)
        except CancelPendingError:
            outcome = _Outcome(status="Canceled")
        except Exception as exc:  # noqa: BLE001 - the thread's boundary: a job must not hang forever
            _log.exception("job %s", job.name)
            outcome = _failed("ServiceError", f"drydock failed: {exc}")
        if outcome is not None:
            self._state.jobs.move(
                job.name, outcome.status, error_code=outcome.code, error_message=outcome.message
            )
            _log.info("job %s: %s %s", job.name, outcome.status, outcome.message)

    def _run(self, job: Job) -> _Outcome | None:
        """Run a job to its end and return its outcome, or None if drydock closes before."""
        if not self._take_node(job):
            return None
        try:
            return self._run_attempts(job, spec_of(self._state, job))
        except Refusal as exc:
            # An input that the service, too, would have noticed only here.
            return _failed("UserError", exc.message)
        finally:
            self.machines.give_back(job.name)

    def _run_attempts(self, job: Job, spec: JobSpec) -> _Outcome | None:
        """Run the job, and again where a fault makes it start again."""
        container = job.container
        while True:
            try:
                started = container or self._start(job, spec)
                if not isinstance(started, str):
                    return started
                outcome = self._wait_for_end(job, spec, started)
            except EngineError as exc:
                with contextlib.suppress(EngineError):  # the nodes that are left
                    self._runner.clear(spec)
                return _failed(
                    "NodeLost",
                    f"The container no longer exists, or the engine does not answer: {exc}",
                )
            if outcome is None or outcome.status != _RESTARTED:
                return outcome
            self._state.jobs.move(job.name, "Queued")
            container = None

    def _take_node(self, job: Job) -> bool:
        """Wait until the cluster has a free machine; return False if drydock closes."""
        compute = self._state.computes.find(job.compute)
        with self.machines.changed:
            count = nodes_of(job.given)
            while not self.machines.take(
                job.name, compute, is_refused=self._is_quota_full(job), count=count
            ):
                held = self._state.jobs.get(job.name)
                if held.status == "Starting":
                    self._state.jobs.move(job.name, "Queued")
                if held.status == "CancelRequested":
                    self.machines.give_back(job.name)
                    raise CancelPendingError(job.name)
                self.machines.changed.wait(POLL_S)
                if self._is_closing.is_set():
                    return False
        return True

    def _is_quota_full(self, job: Job) -> bool:
        return bool(job.compute) and self._is_injected(job, "quota-exceeded")

    def _start(self, job: Job, spec: JobSpec) -> str | _Outcome | None:
        """Start the job's container; return its id, or the outcome of a job that never ran.

        Returns None if drydock closes before.
        """
        if self._state.jobs.get(job.name).status != "Preparing":
            self._state.jobs.move(job.name, "Preparing")
        if (refused := self._refusal(job, spec)) is not None:
            return refused
        try:
            container = self._runner.start(
                spec, is_unwanted=lambda: self._is_closing.is_set() or self._is_unwanted(job)
            )
        except PullRefusedError as exc:
            return _pull_failed(spec, str(exc))
        except StartRefusedError as exc:
            return _failed(exc.code, str(exc))
        except UnwantedError as exc:
            if self._is_closing.is_set():
                return None
            raise CancelPendingError(job.name) from exc
        try:
            self._state.jobs.move(job.name, "Running", container=container)
        except CancelPendingError:
            self._runner.cancel(container)
            self._runner.finish(spec, container)
            raise
        return container

    def _refusal(self, job: Job, spec: JobSpec) -> _Outcome | None:
        """Return the outcome of a job that fails before its container starts."""
        if (refused := self._identity_missing(job)) is not None:
            return refused
        mounted = [v for v in (job.given.get("inputs") or {}).values() if _is_mounted(v)]
        if mounted and self._is_injected(job, "mount-refused"):
            return _failed(
                "UserError",
                "ScriptExecution.StreamAccess.Authentication: the input could not be mounted.",
            )
        if self._is_injected(job, "image-pull-refused"):
            return _pull_failed(spec, "unauthorized: authentication required (injected)")
        if self._is_injected(job, "role-missing"):
            return _pull_failed(spec, _NO_PULL)
        return None

    def _identity_missing(self, job: Job) -> _Outcome | None:
        """Return the outcome of a job that must log in as its cluster and cannot.

        Without the account's key it must, unless it runs as its user. The text is the service's.
        """
        compute = self._state.computes.find(job.compute)
        kind = str((job.given.get("identity") or {}).get("identityType") or "AMLToken")
        is_needed = kind == "Managed" or (
            kind != "UserIdentity" and self._state.blobs.account.is_keyless
        )
        if compute is None or compute.has_identity or not is_needed:
            return None
        return _failed(
            "UserError",
            f"Identity of the specified managed compute {compute.name} is not found",
        )

    def _wait_for_end(self, job: Job, spec: JobSpec, container: str) -> _Outcome | None:
        """Wait for the end of the job's containers, and upload their outputs."""
        began = self._state.clock.now()
        while True:
            # Before the container is looked at: a fault must not miss a job that is over at once.
            age_s = (self._state.clock.now() - began).total_seconds()
            if (struck := self._struck(job, spec, container, age_s)) is not None:
                return struck
            if (finished := self._runner.poll(container)) is not None:
                break
            if self._is_closing.wait(POLL_S):
                return None
        if finished.exit_code != 0 and self._is_injected(job, "failure-restarted"):
            self._runner.finish(_without_uploads(spec), container)
            return _Outcome(status=_RESTARTED)
        try:
            if self._state.jobs.get(job.name).status != "Finalizing":
                self._state.jobs.move(job.name, "Finalizing")
        finally:  # also if a cancel was requested at the last moment
            is_emptied = self._is_injected(job, "output-empty")
            self._runner.finish(replace(spec, outputs={}) if is_emptied else spec, container)
            if is_emptied:
                self._empty(spec)
        outcome = _outcome_of(finished, spec)
        if outcome.status == "Completed":
            register_outputs(self._state, job)
        return outcome

    def _struck(self, job: Job, spec: JobSpec, container: str, age_s: float) -> _Outcome | None:
        """End a job whose node is lost or has no memory left, or which is to be canceled.

        Returns None for any other. Raises CancelPendingError.
        """
        if (preempted := self._preempted(job, spec, container, age_s)) is not None:
            return preempted
        is_over_memory = self._is_injected(job, "out-of-memory")
        if not (is_over_memory or self._is_unwanted(job)):
            return None
        self._runner.cancel(container)
        self._runner.finish(spec, container)
        if not is_over_memory:
            raise CancelPendingError(job.name)
        return _outcome_of(Finished(exit_code=_KILLED, is_out_of_memory=True), spec)

    def _empty(self, spec: JobSpec) -> None:
        """Delete what the job wrote into its mounted outputs."""
        for place in (spec.outputs[name] for name in spec.mounted):
            for blob in self._state.blobs.blobs(place.container, f"{place.path.rstrip('/')}/"):
                self._state.blobs.delete(place.container, blob.name)

    def _preempted(self, job: Job, spec: JobSpec, container: str, age_s: float) -> _Outcome | None:
        """Take the node of an injected preemption away, and return what becomes of the job.

        None of its nodes uploads anything; what is in mounted outputs by then stays there.
        """
        fault = self._state.faults.take_whole(
            _PREEMPTIONS,
            job.name,
            f"job {job.name}",
            age_s=age_s,
            count_written=lambda: self._count_written(spec),
        )
        if fault is None:
            return None
        node = min(fault.node, spec.nodes - 1)
        self._runner.lose(spec, container, node)
        self._runner.finish(_without_uploads(spec), container)
        if fault.kind == "preempted-restarted":
            _log.info("job %s: node %d is lost, all nodes start again", job.name, node)
            return _Outcome(status=_RESTARTED)
        if fault.kind == "preempted-canceled":
            return _Outcome(status="Canceled")
        return _failed(_PREEMPTED, "The low-priority node was preempted while the job ran.")

    def _count_written(self, spec: JobSpec) -> int:
        """Return how many files the job's mounted outputs hold."""
        places = [spec.outputs[name] for name in spec.mounted]
        return sum(
            len(self._state.blobs.blobs(place.container, f"{place.path.rstrip('/')}/"))
            for place in places
        )

    def _is_unwanted(self, job: Job) -> bool:
        return self._state.jobs.get(job.name).status == "CancelRequested"

    def _is_injected(self, job: Job, kind: str) -> bool:
        return self._state.faults.take((kind,), job.name, f"job {job.name}") is not None


def _without_uploads(spec: JobSpec) -> JobSpec:
    """Return the job without the outputs that a lost node can no longer upload."""
    return replace(spec, outputs={name: spec.outputs[name] for name in spec.mounted})


def register_outputs(state: WorkspaceState, job: Job) -> None:
    """Register each output that has a name: as a model if it is one, else as data."""
    for name, value in (job.given.get("outputs") or {}).items():
        asset = str((value or {}).get("assetName") or "")
        if not asset:
            continue
        kind = str(value.get("jobOutputType") or "uri_folder")
        uri = stored_uri(state, output_uri(job.name, name, value), kind)
        store, given = state.data, {"dataType": kind, "dataUri": uri}
        if kind in MODEL_TYPES:
            store, given = state.models, {"modelType": kind, "modelUri": uri, "jobName": job.name}
        version = str(value.get("assetVersion") or store.next_version(asset))
        store.put(asset, version, given)


def _is_mounted(value: Mapping[str, Any]) -> bool:
    return value.get("mode") in ("ReadOnlyMount", "ReadWriteMount")


def _failed(code: str, message: str) -> _Outcome:
    return _Outcome(status="Failed", code=code, message=message)


def _pull_failed(spec: JobSpec, why: str) -> _Outcome:
    return _failed(
        "ImagePullFailure",
        f"Failed to pull Docker image {spec.image}: {why}",
    )


def _outcome_of(finished: Finished, spec: JobSpec) -> _Outcome:
    if finished.is_timed_out:
        return _Outcome(status="Canceled", code="JobTimeout", message="The job timed out.")
    if finished.is_out_of_memory:
        return _failed(
            "OutOfMemory",
            f"The job was killed because it ran out of memory (exit code {_KILLED}).",
        )
    if finished.exit_code != 0:
        log = spec.log_of(finished.node).path.rpartition("/")[2]
        return _failed(
            "UserError",
            f"Execution failed. User process exited with status code {finished.exit_code}. "
            f"Please check log file '{LOG_FOLDER}/{log}' for error details.",
        )
    return _Outcome(status="Completed")
