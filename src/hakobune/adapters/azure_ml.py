"""Azure ML through its own SDK, which is imported when it is first needed (it takes seconds).

Each call is safe to repeat, waits out what is over in a moment, and raises errors of ours.
"""

import contextlib
import importlib
import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from hakobune.adapters import blob_store
from hakobune.adapters.azure_answers import (
    compute_of,
    error_text,
    job_of,
    quotas_of,
    text_of,
)
from hakobune.adapters.azure_documents import (
    compute_document,
    environment_document,
    job_document,
)
from hakobune.adapters.azure_errors import is_missing, is_token_expired, meaning, unreadable
from hakobune.adapters.azure_sdk import OPTIONS, connect_by_sdk, sdk, within
from hakobune.adapters.patience import Patience, TransientError
from hakobune.errors import (
    EnvironmentConflictError,
    HakobuneError,
    OutputUnknownError,
    PermissionMissingError,
    ServiceRefusedError,
    WorkspaceNotFoundError,
)
from hakobune.model.destination import Destination
from hakobune.model.job import (
    Compute,
    ComputePlan,
    EnvironmentPlan,
    Job,
    JobPlan,
    Pairs,
    Quota,
    RemoteFile,
)

T = TypeVar("T")
_ARTIFACTS = "workspaceartifactstore"
_WHY_S = 60.0
_CANCEL_S = 60.0
_LOG = re.compile(r"std_log\D*0*(_ps)?\.txt")


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


class AzureWorkspace:
    """A workspace of Azure ML; see `model/cloud.py`. Nothing is asked before the first call."""

    def __init__(
        self,
        destination: Destination,
        patience: Patience,
        *,
        connect: Callable[[Destination], tuple[Any, Any]] | None = None,
    ) -> None:
        self._to = destination
        self._patience = patience
        self._connect = connect or connect_by_sdk
        self._client: Any = None
        self._login: Any = None
        self._workspace: Any = None
        self._containers: dict[str, Any] = {}

    def registry(self) -> str:
        """See Cloud."""
        self._connected()
        name = str(self._workspace.container_registry or "").rpartition("/")[2]
        return text_of("registry", f"{name.lower()}.azurecr.io" if name else "")

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
                remedy="archive that version in the studio; nothing was changed",
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

    def job(self, name: str) -> Job | None:
        """See Cloud."""
        found = self._found(f"job {name}", lambda c: c.jobs.get(name))
        return None if found is None else self._job_of(found)

    def create_job(self, plan: JobPlan, *, root: Path) -> Job:
        """See Cloud."""
        tried: list[str] = []

        def create(client: Any) -> Any:
            wanted = _load(sdk().load_job, job_document(plan), root)
            if tried:
                # Only the answer may have been lost, and not the request.
                with contextlib.suppress(Exception):
                    return client.jobs.get(plan.name)
            tried.append(plan.name)
            return client.jobs.create_or_update(wanted)

        return self._job_of(self._asked("job", create))

    def _job_of(self, found: Any) -> Job:
        return job_of(found, is_rehearsal=self._to.rehearsal is not None)

    def cancel_job(self, name: str) -> None:
        """See Cloud."""
        self._asked(f"job {name}", lambda c: c.jobs.begin_cancel(name).result(_CANCEL_S))

    def why_failed(self, name: str) -> str:
        """See Cloud."""

        def ask(client: Any) -> str:
            # The SDK tells a failed job's error nowhere but in what `stream` raises.
            exceptions = importlib.import_module("azure.ai.ml.exceptions")
            answer = within(_WHY_S, lambda: client.jobs.stream(name))
            if isinstance(answer, exceptions.JobException):
                return error_text(str(answer))
            if answer is not None:
                raise answer
            return ""

        return self._asked(f"job {name}", ask)

    def log(self, name: str, offset: int) -> tuple[bytes, int]:
        """See Cloud."""

        def read(container: Any) -> tuple[bytes, int]:
            folder = f"ExperimentRun/dcid.{name}/user_logs"
            logs = [f for f in blob_store.list_files(container, folder) if _LOG.fullmatch(f.name)]
            if not logs:
                return b"", offset
            start = offset if logs[0].size_bytes >= offset else 0
            if logs[0].size_bytes == start:
                return b"", start
            content = blob_store.read_from(container, logs[0].place, start)
            return content, start + len(content)

        return self._stored(f"log of job {name}", _ARTIFACTS, read)

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
                path=str(path),
                type="custom_model",
                description=description,
                tags=dict(tags),
            )
            return str(client.models.create_or_update(model).version)

        return self._asked(f"model {name}", create)

    def _asked(self, doing: str, ask: Callable[[Any], T]) -> T:
        """Return the SDK's answer; what it raises becomes an error of ours."""

        def silently() -> T:
            client = self._connected()
            # The SDK draws its uploads on the terminal even where it was asked not to.
            with (
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.redirect_stderr(io.StringIO()),
            ):
                return ask(client)

        return self._patience(lambda: _translated(doing, lambda: self._logged_in(silently)))

    def _logged_in(self, call: Callable[[], T]) -> T:
        """Return what the call returns; once more with a new login where its token is too old.

        The SDK keeps a token for as long as this machine's clock says, and sends it again and again
        where the service says otherwise. A new login has none yet.
        """
        try:
            return call()
        except Exception as exc:
            if not is_token_expired(exc):
                raise
            self._client = self._login = None
            self._containers.clear()
            return call()

    def _found(self, doing: str, ask: Callable[[Any], T]) -> T | None:
        """Return the answer, or None where the service says that there is no such thing."""

        def ask_or_none(client: Any) -> T | None:
            try:
                return ask(client)
            except Exception as exc:
                if is_missing(exc):
                    return None
                raise

        return self._asked(doing, ask_or_none)

    def _stored(self, doing: str, store: str, use: Callable[[Any], T]) -> T:
        """Use the container behind a datastore; its secret is asked anew where it expired."""

        def attempt(client: Any) -> T:
            if store not in self._containers:
                datastore = client.datastores.get(store, include_secrets=True)
                # Its client would wait 15 s before it tries again, and not say so: we do.
                options = {**OPTIONS, "retry_total": 0}
                self._containers[store] = blob_store.connect(
                    datastore,
                    self._login,
                    is_private_cloud=self._to.is_private_cloud,
                    **options,
                )
            return use(self._containers[store])

        def attempt_with_fresh_secret(client: Any) -> T:
            try:
                return attempt(client)
            except Exception as exc:
                if getattr(exc, "status_code", None) not in (401, 403):
                    raise
                self._containers.pop(store, None)
                return attempt(client)

        return self._asked(doing, attempt_with_fresh_secret)

    def _connected(self) -> Any:
        """Return the SDK's client, after a first look at the workspace."""
        if self._client is not None:
            return self._client
        to, doing = self._to, f"workspace {self._to.workspace}"

        def look() -> Any:
            client, self._login = self._connect(to)
            try:
                self._workspace = client.workspaces.get(to.workspace)
            except Exception as exc:
                if is_missing(exc):
                    raise WorkspaceNotFoundError(
                        f"there is no {doing} in resource group {to.resource_group} "
                        f"of subscription {to.subscription}, or this login cannot see it",
                        remedy="compare with the portal's config.json; "
                        "az account show names the login's subscription",
                    ) from exc
                raise
            return client

        self._client = self._patience(lambda: _translated(doing, lambda: self._logged_in(look)))
        return self._client


def _translated(doing: str, call: Callable[[], T]) -> T:
    try:
        return call()
    except (HakobuneError, TransientError):
        raise
    except Exception as exc:
        found = meaning(exc, doing) or unreadable(exc, doing)
        if found is None:
            raise
        raise found from exc
