"""Takes a job from Starting to its final status; a Runner runs its container."""

import logging
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from drydock.arm_ids import API_HOST, tracking_uri
from drydock.blob_uris import (
    MODEL_TYPES,
    artifact_place,
    code_place,
    input_place,
    output_place,
    output_uri,
    stored_uri,
)
from drydock.engine import EngineError
from drydock.job_spec import (
    SHARED_MEMORY_BYTES,
    BlobPlace,
    Finished,
    JobSpec,
    PullRefusedError,
    Runner,
    StartRefusedError,
    UnwantedError,
    bytes_of,
)
from drydock.refusal import Refusal
from drydock.state.jobs import CancelPendingError, Job
from drydock.state.logins import issue_run_token
from drydock.workspace_state import WorkspaceState

POLL_S = 0.2
LOG = "user_logs/std_log.txt"
_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")
_KILLED = 137
_PREEMPTED = "NodePreempted"
_MOUNTED = "ReadWriteMount"
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
        self._nodes = threading.Condition()
        self._busy: dict[str, int] = {}
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
        with self._nodes:
            self._nodes.notify_all()
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
            spec = spec_of(self._state, job)
            started = job.container or self._start(job, spec)
            if not isinstance(started, str):
                return started
            return self._wait_for_end(job, spec, started)
        except Refusal as exc:
            # An input that the service, too, would have noticed only here.
            return _failed("UserError", exc.message)
        except EngineError as exc:
            return _failed(
                "NodeLost",
                f"The container no longer exists, or the engine does not answer: {exc}",
            )
        finally:
            self._give_node_back(job)

    def _take_node(self, job: Job) -> bool:
        """Wait until the cluster has a free machine; return False if drydock closes."""
        compute = self._state.computes.find(job.compute)
        limit = compute.nodes if compute else 1
        with self._nodes:
            while self._busy.get(job.compute, 0) >= limit:
                held = self._state.jobs.get(job.name)
                if held.status == "Starting":
                    self._state.jobs.move(job.name, "Queued")
                if held.status == "CancelRequested":
                    raise CancelPendingError(job.name)
                self._nodes.wait(POLL_S)
                if self._is_closing.is_set():
                    return False
            self._busy[job.compute] = self._busy.get(job.compute, 0) + 1
        return True

    def _give_node_back(self, job: Job) -> None:
        with self._nodes:
            self._busy[job.compute] -= 1
            self._nodes.notify_all()

    def _start(self, job: Job, spec: JobSpec) -> str | _Outcome | None:
        """Start the job's container; return its id, or the outcome of a job that never ran.

        Returns None if drydock closes before.
        """
        if self._state.jobs.get(job.name).status != "Preparing":
            self._state.jobs.move(job.name, "Preparing")
        if self._is_injected(job, "image-pull-refused"):
            return _pull_failed(spec, "unauthorized: authentication required (injected)")
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

    def _wait_for_end(self, job: Job, spec: JobSpec, container: str) -> _Outcome | None:
        """Wait for the container's end and upload its outputs."""
        injected: _Outcome | None = None
        while (finished := self._runner.poll(container)) is None:
            if self._is_closing.wait(POLL_S):
                return None
            injected = injected or self._inject(job)
            if injected or self._is_unwanted(job):
                self._runner.cancel(container)
                if injected and injected.code == _PREEMPTED:
                    spec = _without_uploads(spec)
                self._runner.finish(spec, container)
                if injected:
                    return injected
                raise CancelPendingError(job.name)
        try:
            if self._state.jobs.get(job.name).status != "Finalizing":
                self._state.jobs.move(job.name, "Finalizing")
        finally:  # also if a cancel was requested at the last moment
            is_emptied = self._is_injected(job, "output-empty")
            self._runner.finish(replace(spec, outputs={}) if is_emptied else spec, container)
            if is_emptied:
                self._empty(spec)
        outcome = _outcome_of(finished)
        if outcome.status == "Completed":
            register_outputs(self._state, job)
        return outcome

    def _empty(self, spec: JobSpec) -> None:
        """Delete what the job wrote into its mounted outputs."""
        for place in (spec.outputs[name] for name in spec.mounted):
            for blob in self._state.blobs.blobs(place.container, f"{place.path.rstrip('/')}/"):
                self._state.blobs.delete(place.container, blob.name)

    def _inject(self, job: Job) -> _Outcome | None:
        """Return the outcome of an injected fault of the job's machine, if there is one."""
        if self._is_injected(job, "preempted"):
            return _failed(
                _PREEMPTED,
                "The low-priority node was preempted while the job ran.",
            )
        if self._is_injected(job, "out-of-memory"):
            return _outcome_of(Finished(exit_code=_KILLED, is_out_of_memory=True))
        return None

    def _is_unwanted(self, job: Job) -> bool:
        return self._state.jobs.get(job.name).status == "CancelRequested"

    def _is_injected(self, job: Job, kind: str) -> bool:
        return self._state.faults.take((kind,), job.name, f"job {job.name}") is not None


def spec_of(state: WorkspaceState, job: Job) -> JobSpec:
    """Return the job as its runner needs it."""
    given = job.given
    outputs = {
        name: value for name, value in (given.get("outputs") or {}).items() if name != "default"
    }
    return JobSpec(
        name=job.name,
        image=job.image,
        command=str(given.get("command", "")),
        environment=environment_of(state, job),
        inputs={
            name: place
            for name, value in (given.get("inputs") or {}).items()
            if (place := input_place(state, value)) is not None
        },
        outputs={name: output_place(state, job.name, name, out) for name, out in outputs.items()},
        # The service's default is to mount.
        mounted=frozenset(
            name for name, out in outputs.items() if (out.get("mode") or _MOUNTED) == _MOUNTED
        ),
        literals={
            name: str(value.get("value", ""))
            for name, value in (given.get("inputs") or {}).items()
            if value.get("jobInputType") == "literal"
        },
        log=BlobPlace(
            container=artifact_place(job.name).container,
            path=artifact_place(job.name).path + LOG,
        ),
        timeout_s=seconds_of((given.get("limits") or {}).get("timeout")),
        code=code_place(state, given.get("codeId")),
        shared_memory_bytes=bytes_of((given.get("resources") or {}).get("shmSize"))
        or SHARED_MEMORY_BYTES,
    )


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


def environment_of(state: WorkspaceState, job: Job) -> Mapping[str, str]:
    """Return the variables of a job: its own, and those that Azure ML sets."""
    ids = state.arm_ids
    experiment = str(job.given.get("experimentName") or "Default")
    address = f"https://{API_HOST}"
    token = issue_run_token(state.workspace, job.name, state.clock.now())
    found = {
        "AZUREML_RUN_ID": job.name,
        "AZUREML_ROOT_RUN_ID": job.name,
        "AZUREML_EXPERIMENT_SCOPE": f"{ids.workspace_id}/experiments/{experiment}",
        "AZUREML_ARM_SUBSCRIPTION": ids.subscription,
        "AZUREML_ARM_RESOURCEGROUP": ids.group,
        "AZUREML_ARM_WORKSPACE_NAME": ids.workspace,
        "AZUREML_ARM_PROJECT_NAME": experiment,
        "AZUREML_WORKSPACE_ID": ids.guid,
        "AZUREML_WORKSPACE_SCOPE": ids.workspace_id,
        "AZUREML_CR_NODE_RANK": "0",
        "AZUREML_EXPERIMENT_ID": ids.guid,
        "AZUREML_SERVICE_ENDPOINT": address,
        "AZUREML_RUN_HISTORY_SERVICE_ENDPOINT": address,
        "AZUREML_DISCOVERY_SERVICE_ENDPOINT": f"{address}/discovery",
        "AZUREML_RUN_TOKEN": token,
        "MLFLOW_TRACKING_URI": tracking_uri(ids),
        "MLFLOW_TRACKING_TOKEN": token,
        "MLFLOW_RUN_ID": job.name,
        "MLFLOW_EXPERIMENT_ID": ids.guid,
        "MLFLOW_EXPERIMENT_NAME": experiment,
    }
    own: dict[str, Any] = job.given.get("environmentVariables") or {}
    return found | {name: str(value) for name, value in own.items()}


def seconds_of(duration: str | None) -> float | None:
    """Return the seconds of a duration like PT1H30M, or None if there is no duration."""
    found = _DURATION.fullmatch(duration or "")
    if found is None or not any(found.groups()):
        return None
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds


def _failed(code: str, message: str) -> _Outcome:
    return _Outcome(status="Failed", code=code, message=message)


def _pull_failed(spec: JobSpec, why: str) -> _Outcome:
    return _failed(
        "ImagePullFailure",
        f"Failed to pull Docker image {spec.image}: {why}",
    )


def _outcome_of(finished: Finished) -> _Outcome:
    if finished.is_timed_out:
        return _Outcome(status="Canceled", code="JobTimeout", message="The job timed out.")
    if finished.is_out_of_memory:
        return _failed(
            "OutOfMemory",
            f"The job was killed because it ran out of memory (exit code {_KILLED}).",
        )
    if finished.exit_code != 0:
        return _failed(
            "UserError",
            f"Execution failed. User process exited with status code {finished.exit_code}. "
            f"Please check log file '{LOG}' for error details.",
        )
    return _Outcome(status="Completed")
