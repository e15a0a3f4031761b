"""Azure ML through its own SDK, which is imported when it is first needed (it takes seconds).

Each call is safe to repeat, waits out what is over in a moment, and raises errors of ours.
"""

import contextlib
import hashlib
import importlib
import io
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from hakobune.adapters import blob_store, run_history
from hakobune.adapters.azure_access import AzureAccess
from hakobune.adapters.azure_answers import (
    compute_of,
    job_of,
    nodes_of,
    quotas_of,
    surroundings_of,
    text_of,
)
from hakobune.adapters.azure_documents import (
    compute_document,
    environment_document,
    job_document,
)
from hakobune.adapters.azure_errors import is_missing, meaning
from hakobune.adapters.azure_sdk import sdk
from hakobune.errors import (
    EnvironmentConflictError,
    HakobuneError,
    LoginError,
    OutputUnknownError,
    PermissionMissingError,
    ServiceRefusedError,
)
from hakobune.model.job import (
    Compute,
    ComputePlan,
    EnvironmentPlan,
    Job,
    JobInput,
    JobPlan,
    Pairs,
    Quota,
    RemoteFile,
    Surroundings,
)

_ARTIFACTS = "workspaceartifactstore"
_UPLOADS = "hakobune"
_CANCEL_S = 60.0
_LOGS = "ExperimentRun/dcid.{}/user_logs"
_LOG_END_BYTES = 16 * 1024


def validate(documents: dict[str, str], *, root: Path) -> None:
    """Load each YAML text with the SDK's own schema: `job`, `environment` or `compute` by its key.

    Raises ServiceRefusedError with what the schema says.
    """
    module = sdk()
    for kind, text in documents.items():
        try:
            _load(getattr(module, f"load_{kind}"), text, root)
        except Exception as exc:
            found = meaning(exc, f"{kind}.yml")
            if isinstance(found, HakobuneError):
                raise found from exc
            raise


def _load(load: Callable[..., Any], text: str, root: Path) -> Any:
    return load(io.StringIO(text), relative_origin=str(root / "job.yml"))


class AzureWorkspace(AzureAccess):
    """A workspace of Azure ML; see `model/cloud.py`. Nothing is asked before the first call."""

    _has_closed_storage = False

    def registry(self) -> str:
        """See Cloud."""
        self._connected()  # a login that may not see the workspace is an error
        try:
            found = self._registry()
        except (ServiceRefusedError, PermissionMissingError) as exc:
            self._patience.reporter.say(f"the workspace's registry is not known ({exc.what})")
            return ""
        return found.server if found else ""

    def surroundings(self) -> Surroundings:
        """See Cloud."""
        self._connected()
        return surroundings_of(self._workspace)

    def read_storage(self) -> None:
        """See Cloud."""
        self._stored(
            "the workspace's storage",
            _ARTIFACTS,
            lambda container: blob_store.list_files(container, "hakobune-doctor"),
        )

    def environment_image(self, name: str, version: str) -> str | None:
        """See Cloud."""
        found = self._found(
            f"environment {name}:{version}", lambda c: c.environments.get(name, version)
        )
        return None if found is None else text_of("image reference", found.image)

    def create_environment(self, plan: EnvironmentPlan) -> None:
        """See Cloud."""
        environment = _load(sdk().load_environment, environment_document(plan), Path())
        doing = f"environment {plan.reference}"
        try:
            self._asked(doing, lambda c: c.environments.create_or_update(environment))
        except ServiceRefusedError as exc:
            # Somebody else registered it first: the service keeps the first image.
            there = self.environment_image(plan.name, plan.version)
            if there is None or there == plan.image:
                raise
            raise EnvironmentConflictError(
                f"{doing} is registered with {there}",
                remedy="a version keeps its image, even archived: give the environment another "
                "name, or find out who registered it; nothing was changed",
            ) from exc

    def compute(self, name: str) -> Compute | None:
        """See Cloud."""
        found = self._found(f"compute {name}", lambda c: c.compute.get(name))
        return None if found is None else compute_of(found)

    def create_compute(self, plan: ComputePlan) -> Compute:
        """See Cloud."""
        wanted = _load(sdk().load_compute, compute_document(plan), Path())
        return compute_of(
            self._asked(
                f"compute {plan.name}",
                lambda c: c.compute.begin_create_or_update(wanted).result(),
            )
        )

    def quotas(self, compute: Compute) -> tuple[Quota, ...]:
        """See Cloud."""
        try:
            sizes = self._asked("sizes of computes", lambda c: list(c.compute.list_sizes()))
            usages = self._asked("quotas", lambda c: list(c.compute.list_usage()))
        except (ServiceRefusedError, PermissionMissingError) as exc:
            self._patience.reporter.say(f"quota: not checked ({exc.what})")
            return ()
        found = quotas_of(compute, sizes, usages)
        if not any(quota.used + quota.per_node > quota.allowed for quota in found):
            return found
        # The cluster's own nodes are among those in use, and are there for the job.
        try:
            nodes = self._asked(
                f"nodes of {compute.name}", lambda c: list(c.compute.list_nodes(compute.name))
            )
        except (ServiceRefusedError, PermissionMissingError) as exc:
            # Who else uses the quota up is not known then: the service decides.
            self._patience.reporter.say(f"quota: not checked ({exc.what})")
            return ()
        own = len(nodes)
        return tuple(replace(quota, used=quota.used - own * quota.per_node) for quota in found)

    def is_keyless(self) -> bool:
        """See Cloud."""
        self._connected()
        mode = getattr(self._workspace, "system_datastores_auth_mode", None)
        return str(getattr(mode, "value", mode)).lower() == "identity"

    def why_waiting(self, compute: str) -> str:
        """See Cloud."""

        def ask(client: Any) -> Any:
            # The public call drops all of this from the same answer.
            operation = client.compute._operation  # noqa: SLF001 - see above
            return operation.get(client.resource_group_name, client.workspace_name, compute)

        found = self.compute(compute)
        words = [nodes_of(self._asked(f"compute {compute}", ask))]
        quotas = () if found is None else self.quotas(found)
        words += [f"{one.kind}: {one.used} of {one.allowed} processors in use" for one in quotas]
        return "; ".join(words)

    def job(self, name: str) -> Job | None:
        """See Cloud."""
        found = self._found(f"job {name}", lambda c: c.jobs.get(name))
        return None if found is None else self._job_of(found)

    def create_job(self, plan: JobPlan, *, root: Path) -> Job:
        """See Cloud."""
        tried: list[str] = []

        inputs = tuple(self._uploaded_input(item, root) for item in plan.inputs)
        document = job_document(replace(plan, inputs=inputs))

        def create(client: Any) -> Any:
            wanted = _load(sdk().load_job, document, root)
            if tried:
                # Only the answer may have been lost, and not the request.
                with contextlib.suppress(Exception):
                    return client.jobs.get(plan.name)
            tried.append(plan.name)
            return client.jobs.create_or_update(wanted)

        return self._job_of(self._asked("job", create))

    def _uploaded_input(self, item: JobInput, root: Path) -> JobInput:
        """Return the input as a reference; one of this machine is uploaded first.

        Not by the SDK: where the storage allows no keys, its upload fails for a login with every
        role (azure-sdk-for-python issue 36603), and it leaves out what .gitignore names.
        """
        if not item.is_local:
            return item
        place = self._uploaded(root / item.path, item.sha256)
        return replace(item, path=place, sha256="")

    def _uploaded(self, path: Path, sha256: str) -> str:
        """Upload a file or folder; return its address. The sha256 of its content names its place.

        The same data is uploaded once, whatever its name.
        """
        doing = f"upload of {path.name}"
        default = self._asked("default datastore", lambda c: c.datastores.get_default())
        store = text_of("datastore", default.name)
        top = path if path.is_dir() else path.parent
        for file in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
            place = f"{_UPLOADS}/{sha256}/{file.relative_to(top).as_posix()}"
            self._stored(doing, store, partial(blob_store.upload, path=file, place=place))
        name = "" if path.is_dir() else path.name
        return f"azureml://datastores/{store}/paths/{_UPLOADS}/{sha256}/{name}"

    def _job_of(self, found: Any) -> Job:
        return job_of(found, is_rehearsal=self._to.rehearsal is not None)

    def cancel_job(self, name: str) -> None:
        """See Cloud."""
        self._asked(f"job {name}", lambda c: c.jobs.begin_cancel(name).result(_CANCEL_S))

    def why_failed(self, name: str) -> str:
        """See Cloud."""
        return self._asked(f"job {name}", lambda c: run_history.why_ended(c, name))

    def log(self, name: str, offset: int) -> tuple[bytes, int]:
        """See Cloud."""

        def read(container: Any) -> tuple[bytes, int]:
            found = blob_store.list_files(container, _LOGS.format(name))
            logs = [file for file in found if run_history.LOG.fullmatch(file.name)]
            if not logs:
                return b"", offset
            start = offset if logs[0].size_bytes >= offset else 0
            if logs[0].size_bytes == start:
                return b"", start
            content = blob_store.read_from(container, logs[0].place, start)
            return content, start + len(content)

        doing = f"log of job {name}"
        if not self._has_closed_storage:
            try:
                return self._stored(doing, _ARTIFACTS, read)
            except LoginError as exc:
                refused = exc
        # The storage does not let this login in. The service gives addresses that it signed.
        signed = self._asked(doing, lambda c: run_history.read_log(c, name, offset))
        if signed is None and not self._has_closed_storage:
            raise refused
        self._has_closed_storage = True
        return signed or (b"", offset)

    def end_of_log(self, name: str, node: int) -> bytes:
        """See Cloud."""
        wanted = re.compile(run_history.LOG_OF_NODE.format(node))

        def read(container: Any) -> bytes:
            for file in blob_store.list_files(container, _LOGS.format(name)):
                if wanted.fullmatch(file.name):
                    start = max(file.size_bytes - _LOG_END_BYTES, 0)
                    return blob_store.read_from(container, file.place, start)
            return b""

        return self._stored(f"log of node {node} of job {name}", _ARTIFACTS, read)

    def output_files(self, job: Job, output: str) -> tuple[RemoteFile, ...]:
        """See Cloud."""
        outputs = dict(job.outputs)
        if output not in outputs:
            raise OutputUnknownError(
                f"job {job.name} has no output `{output}`",
                remedy=f"it has: {', '.join(sorted(outputs)) or 'none'}",
            )
        # https://learn.microsoft.com/azure/machine-learning/reference-yaml-core-syntax
        uri = outputs[output].replace("${{name}}", job.name).replace("${{output_name}}", output)
        place = blob_store.place_of(uri)
        if place is None:
            # Where the service puts an output unless it is told otherwise.
            default = self._asked("default datastore", lambda c: c.datastores.get_default())
            place = (text_of("datastore", default.name), f"azureml/{job.name}/{output}")
        store, folder = place
        found = self._stored(
            f"output {output} of job {job.name}",
            store,
            lambda container: blob_store.list_files(container, folder),
        )
        return tuple(
            RemoteFile(
                name=f.name, place=f"{store}/{f.place}", size_bytes=f.size_bytes, mark=f.mark
            )
            for f in found
        )

    def fetch_file(self, file: RemoteFile, target: Path) -> None:
        """See Cloud."""
        store, _, place = file.place.partition("/")
        there = RemoteFile(name=file.name, place=place, size_bytes=file.size_bytes, mark=file.mark)
        self._stored(file.name, store, lambda c: blob_store.fetch(c, there, target))

    def model_version(self, name: str, tag: tuple[str, str]) -> str | None:
        """See Cloud."""
        found = self._found(f"model {name}", lambda c: list(c.models.list(name=name))) or []
        same = [m for m in found if (m.tags or {}).get(tag[0]) == tag[1]]
        return text_of("version", same[0].version) if same else None

    def create_model(self, name: str, path: Path, *, description: str, tags: Pairs) -> str:
        """See Cloud."""
        entities = importlib.import_module("azure.ai.ml.entities")
        with path.open("rb") as file:
            place = self._uploaded(path, hashlib.file_digest(file, "sha256").hexdigest())
        tried: list[str] = []

        def registered(client: Any) -> str:
            """Return the version of an earlier request whose answer was lost, or nothing."""
            try:
                same = [one for one in client.models.list(name=name) if one.tags == dict(tags)]
            except Exception as exc:
                # Of a model without any version the service says that there is no such model.
                if is_missing(exc):
                    return ""
                raise
            return text_of("version", same[0].version) if same else ""

        def create(client: Any) -> str:
            if tried and (there := registered(client)):
                return there
            tried.append(name)
            model = entities.Model(
                name=name,
                path=place,
                type="custom_model",
                description=description,
                tags=dict(tags),
            )
            return str(client.models.create_or_update(model).version)

        return self._asked(f"model {name}", create)
