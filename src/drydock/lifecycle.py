"""A job's way from NotStarted to its end. Says nothing of how a container is run."""

import logging
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from drydock.engine import EngineError
from drydock.job_spec import (
    BlobPlace,
    Finished,
    JobSpec,
    PullRefusedError,
    Runner,
    StartRefusedError,
    UnwantedError,
)
from drydock.places import artifact_place, code_place, input_place, output_place
from drydock.scope import API_HOST, tracking_uri
from drydock.state.jobs import CancelPendingError, Job
from drydock.state.logins import issue_run_token
from drydock.world import World

POLL_S = 0.2
LOG = "user_logs/std_log.txt"
_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")
_KILLED = 137
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fate:
    """How a job ends: its last status, and why."""

    status: str
    code: str = ""
    message: str = ""


class Conductor:
    """Takes each job through its steps, each in a thread of its own."""

    def __init__(self, world: World, runner: Runner) -> None:
        self._world = world
        self._runner = runner
        self._nodes = threading.Condition()
        self._busy: dict[str, int] = {}
        self._is_closing = threading.Event()
        self._threads: list[threading.Thread] = []

    def resume(self) -> None:
        """Take up the jobs that were on their way when drydock stopped."""
        for job in self._world.jobs.all():
            if not job.is_over:
                self.conduct(job)

    def conduct(self, job: Job) -> None:
        """Start a job on its way."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=self._guarded, args=(job,), name=job.name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def close(self) -> None:
        """Leave the jobs where they are; their containers go on, and `resume` finds them."""
        self._is_closing.set()
        with self._nodes:
            self._nodes.notify_all()
        for thread in self._threads:
            thread.join(timeout=5)

    def _guarded(self, job: Job) -> None:
        try:
            fate = self._carry(job)
        except CancelPendingError:
            fate = _Fate(status="Canceled")
        except Exception as exc:  # noqa: BLE001 - the thread's boundary: a job must not hang for ever
            _log.exception("job %s", job.name)
            fate = _Fate(status="Failed", code="ServiceError", message=f"drydock failed: {exc}")
        if fate is not None:
            self._world.jobs.move(
                job.name, fate.status, error_code=fate.code, error_message=fate.message
            )
            _log.info("job %s: %s %s", job.name, fate.status, fate.message)

    def _carry(self, job: Job) -> _Fate | None:
        """Take a job to its end and return its fate, or None where drydock closes before."""
        if not self._take_node(job):
            return None
        try:
            spec = spec_of(self._world, job)
            started = job.container or self._start(job, spec)
            if not isinstance(started, str):
                return started
            return self._attend(job, spec, started)
        except EngineError as exc:
            return _Fate(
                status="Failed",
                code="NodeLost",
                message=f"The job's container is gone, or the engine does not answer: {exc}",
            )
        finally:
            self._give_node_back(job)

    def _take_node(self, job: Job) -> bool:
        """Wait until the cluster has a machine free; return False where drydock closes."""
        compute = self._world.computes.find(job.compute)
        limit = compute.nodes if compute else 1
        with self._nodes:
            while self._busy.get(job.compute, 0) >= limit:
                held = self._world.jobs.get(job.name)
                if held.status == "NotStarted":
                    self._world.jobs.move(job.name, "Queued")
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

    def _start(self, job: Job, spec: JobSpec) -> str | _Fate | None:
        """Bring the job's container up; return its id, or the fate of a job that never ran.

        None where drydock closes before.
        """
        if self._world.jobs.get(job.name).status != "Preparing":
            self._world.jobs.move(job.name, "Preparing")
        if self._strikes(job, "image-pull-refused"):
            return _pull_failed(spec, "unauthorized: authentication required (weather)")
        try:
            container = self._runner.start(
                spec, is_unwanted=lambda: self._is_closing.is_set() or self._is_unwanted(job)
            )
        except PullRefusedError as exc:
            return _pull_failed(spec, str(exc))
        except StartRefusedError as exc:
            return _Fate(status="Failed", code=exc.code, message=str(exc))
        except UnwantedError as exc:
            if self._is_closing.is_set():
                return None
            raise CancelPendingError(job.name) from exc
        try:
            self._world.jobs.move(job.name, "Running", container=container)
        except CancelPendingError:
            self._runner.cancel(container)
            self._runner.finish(spec, container)
            raise
        return container

    def _attend(self, job: Job, spec: JobSpec, container: str) -> _Fate | None:
        """Wait for the container's end and bring in what it left."""
        blow: _Fate | None = None
        while (finished := self._runner.poll(container)) is None:
            if self._is_closing.wait(POLL_S):
                return None
            blow = blow or self._blow(job)
            if blow or self._is_unwanted(job):
                self._runner.cancel(container)
                self._runner.finish(spec, container)
                if blow:
                    return blow
                raise CancelPendingError(job.name)
        try:
            if self._world.jobs.get(job.name).status != "Finalizing":
                self._world.jobs.move(job.name, "Finalizing")
        finally:  # whether or not its end was asked for at the last moment
            if self._strikes(job, "output-empty"):
                spec = replace(spec, outputs={})
            self._runner.finish(spec, container)
        return _fate_of(finished)

    def _blow(self, job: Job) -> _Fate | None:
        """Return the fate of a job whose machine the weather strikes."""
        if self._strikes(job, "preempted"):
            return _Fate(
                status="Failed",
                code="NodePreempted",
                message="The low-priority node was preempted while the job ran.",
            )
        if self._strikes(job, "out-of-memory"):
            return _fate_of(Finished(exit_code=_KILLED, is_out_of_memory=True))
        return None

    def _is_unwanted(self, job: Job) -> bool:
        return self._world.jobs.get(job.name).status == "CancelRequested"

    def _strikes(self, job: Job, kind: str) -> bool:
        return self._world.weather.strikes((kind,), job.name, f"job {job.name}") is not None


def spec_of(world: World, job: Job) -> JobSpec:
    """Return what the job asks of its machine."""
    given = job.given
    return JobSpec(
        name=job.name,
        image=job.image,
        command=str(given.get("command", "")),
        environment=environment_of(world, job),
        inputs={
            name: place
            for name, value in (given.get("inputs") or {}).items()
            if (place := input_place(world, value)) is not None
        },
        outputs={
            name: output_place(world, job.name, name, value)
            for name, value in (given.get("outputs") or {}).items()
            if name != "default"
        },
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
        code=code_place(world, given.get("codeId")),
    )


def environment_of(world: World, job: Job) -> Mapping[str, str]:
    """Return the variables of a job: its own, and those by which Azure ML tells it who it is."""
    scope = world.scope
    experiment = str(job.given.get("experimentName") or "Default")
    address = f"https://{API_HOST}"
    token = issue_run_token(world.workspace, job.name, world.clock.now())
    told = {
        "AZUREML_RUN_ID": job.name,
        "AZUREML_ROOT_RUN_ID": job.name,
        "AZUREML_EXPERIMENT_SCOPE": f"{scope.workspace_id}/experiments/{experiment}",
        "AZUREML_ARM_SUBSCRIPTION": scope.subscription,
        "AZUREML_ARM_RESOURCEGROUP": scope.group,
        "AZUREML_ARM_WORKSPACE_NAME": scope.workspace,
        "AZUREML_ARM_PROJECT_NAME": experiment,
        "AZUREML_WORKSPACE_ID": scope.guid,
        "AZUREML_WORKSPACE_SCOPE": scope.workspace_id,
        "AZUREML_CR_NODE_RANK": "0",
        "AZUREML_EXPERIMENT_ID": scope.guid,
        "AZUREML_SERVICE_ENDPOINT": address,
        "AZUREML_RUN_HISTORY_SERVICE_ENDPOINT": address,
        "AZUREML_DISCOVERY_SERVICE_ENDPOINT": f"{address}/discovery",
        "AZUREML_RUN_TOKEN": token,
        "MLFLOW_TRACKING_URI": tracking_uri(scope),
        "MLFLOW_TRACKING_TOKEN": token,
        "MLFLOW_RUN_ID": job.name,
        "MLFLOW_EXPERIMENT_ID": scope.guid,
        "MLFLOW_EXPERIMENT_NAME": experiment,
    }
    own: dict[str, Any] = job.given.get("environmentVariables") or {}
    return told | {name: str(value) for name, value in own.items()}


def seconds_of(duration: str | None) -> float | None:
    """Return the seconds of a duration like PT1H30M, or None where there is none."""
    found = _DURATION.fullmatch(duration or "")
    if found is None or not any(found.groups()):
        return None
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds


def _pull_failed(spec: JobSpec, why: str) -> _Fate:
    return _Fate(
        status="Failed",
        code="ImagePullFailure",
        message=f"Failed to pull Docker image {spec.image}: {why}",
    )


def _fate_of(finished: Finished) -> _Fate:
    if finished.is_timed_out:
        return _Fate(status="Canceled", code="JobTimeout", message="The job's time was over.")
    if finished.is_out_of_memory:
        return _Fate(
            status="Failed",
            code="OutOfMemory",
            message=f"The job was killed because its memory was used up (exit {_KILLED}).",
        )
    if finished.exit_code != 0:
        return _Fate(
            status="Failed",
            code="UserError",
            message=f"Execution failed. User process exited with status code {finished.exit_code}. "
            f"Please check log file '{LOG}' for error details.",
        )
    return _Fate(status="Completed")
