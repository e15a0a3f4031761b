"""All routes in one table: served by a handler, or refused with 501 and a name.

A route that is not in this table is refused as `unknown`.
"""

import re
from dataclasses import dataclass
from functools import cache

from drydock.handlers import (
    access,
    cloud,
    codes,
    computes,
    datastores,
    jobs,
    login,
    runs,
    tracking,
    workspaces,
)
from drydock.handlers.assets import DATA, ENVIRONMENTS, MODELS, AssetHandlers
from drydock.http_values import Handler

_ML = "providers/Microsoft.MachineLearningServices"
_SUB = "/subscriptions/{subscription}"
_GROUP = f"{_SUB}/resourceGroups/{{group}}"
_PLACE = f"{_SUB}/{_ML}/locations/{{location}}"
_STORAGE = f"{_GROUP}/providers/Microsoft.Storage/storageAccounts"
_REGISTRIES = f"{_GROUP}/providers/Microsoft.ContainerRegistry/registries"
_WS = f"{_GROUP}/{_ML}/workspaces/{{workspace}}"
_HISTORY = f"/history/v1.0{_WS}"
_EXPERIMENT = f"{_HISTORY}/experiments/{{experiment}}"
_ANY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method, a path and its handler; without a handler the request is refused.

    In a path, `{name}` matches one segment and `{name*}` the rest, which may be empty. An open
    route needs no token; a job's own token is accepted on the routes for jobs only.
    """

    method: str
    path: str
    name: str
    handler: Handler | None = None
    is_open: bool = False
    is_for_jobs: bool = False

    @property
    def is_served(self) -> bool:
        """Whether the route has a handler."""
        return self.handler is not None


def _served(method: str, path: str, name: str, handler: Handler, *, is_open: bool = False) -> Route:
    return Route(method=method, path=path, name=name, handler=handler, is_open=is_open)


def _refused(name: str, path: str, method: str = _ANY) -> Route:
    return Route(method=method, path=path, name=name)


def _assets(name: str, handlers: AssetHandlers) -> tuple[Route, ...]:
    every = f"{_WS}/{handlers.kind}"
    one = f"{every}/{{name}}"
    version = f"{one}/versions/{{version}}"
    return (
        _served("GET", every, f"{name}_containers_list", handlers.list_containers),
        _served("GET", one, f"{name}_containers_get", handlers.get_container),
        _served("PUT", one, f"{name}_containers_create_or_update", handlers.put_container),
        _served("GET", f"{one}/versions", f"{name}_versions_list", handlers.list_versions),
        _served("GET", version, f"{name}_versions_get", handlers.get_version),
        _served("PUT", version, f"{name}_versions_create_or_update", handlers.put_version),
    )


def _for_jobs(method: str, path: str, name: str, handler: Handler) -> Route:
    return Route(method=method, path=path, name=name, handler=handler, is_for_jobs=True)


def _roles(kind: str, name: str, handler: Handler) -> tuple[Route, ...]:
    """Return the routes of roles on the workspace, its storage account and its registry."""
    return tuple(
        _served("GET", f"{scope}/providers/Microsoft.Authorization/{kind}", name, handler)
        for scope in (_WS, f"{_STORAGE}/{{account}}", f"{_REGISTRIES}/{{registry}}")
    )


_MLFLOW_API = f"/mlflow/v2.0{_WS}/api"
_MLFLOW = f"{_MLFLOW_API}/2.0/mlflow/runs"
_ARTIFACTS = f"{_EXPERIMENT}/runs/{{run}}/artifacts"
_CODE = f"{_WS}/codes/{{name}}/versions"

ROUTES: tuple[Route, ...] = (
    # Requested before there is a token.
    _served("GET", "/metadata/endpoints", "cloud_metadata", cloud.metadata, is_open=True),
    _served("GET", "/drydock/endpoints", "drydock_endpoints", cloud.endpoints, is_open=True),
    _served(
        "GET",
        "/common/discovery/instance",
        "login_instance_discovery",
        login.instance_discovery,
        is_open=True,
    ),
    _served(
        "GET",
        "/{tenant}/v2.0/.well-known/openid-configuration",
        "login_configuration",
        login.configuration,
        is_open=True,
    ),
    _served("POST", "/{tenant}/oauth2/v2.0/token", "login_token", login.token, is_open=True),
    _served("GET", "/discovery", "service_discovery", cloud.discovery, is_open=True),
    # The workspace and its location.
    _served("GET", _WS, "workspaces_get", workspaces.get_workspace),
    _served(
        "GET",
        f"{_GROUP}/{_ML}/workspaces",
        "workspaces_list_by_resource_group",
        workspaces.list_workspaces,
    ),
    _served(
        "GET",
        f"{_SUB}/{_ML}/workspaces",
        "workspaces_list_by_subscription",
        workspaces.list_workspaces,
    ),
    _served(
        "GET",
        f"{_REGISTRIES}/{{registry}}",
        "container_registries_get",
        access.get_registry,
    ),
    _served("GET", f"{_STORAGE}/{{account}}", "storage_accounts_get", access.get_storage_account),
    *_roles("permissions", "permissions_list", access.list_permissions),
    *_roles("roleAssignments", "role_assignments_list", access.list_role_assignments),
    _served("GET", f"{_PLACE}/vmSizes", "virtual_machine_sizes_list", workspaces.list_sizes),
    _served("GET", f"{_PLACE}/usages", "usages_list", workspaces.list_usages),
    _served(
        "GET",
        f"{_PLACE}/computeOperationsStatus/{{operation}}",
        "compute_operation_get",
        computes.get_operation,
    ),
    # Datastores.
    _served("GET", f"{_WS}/datastores", "datastores_list", datastores.list_datastores),
    _served("GET", f"{_WS}/datastores/{{name}}", "datastores_get", datastores.get_datastore),
    _served(
        "PUT",
        f"{_WS}/datastores/{{name}}",
        "datastores_create_or_update",
        datastores.put_datastore,
    ),
    _served(
        "DELETE", f"{_WS}/datastores/{{name}}", "datastores_delete", datastores.delete_datastore
    ),
    _served(
        "POST",
        f"{_WS}/datastores/{{name}}/listSecrets",
        "datastores_list_secrets",
        datastores.list_secrets,
    ),
    # Clusters.
    _served("GET", f"{_WS}/computes", "compute_list", computes.list_computes),
    _served("GET", f"{_WS}/computes/{{name}}", "compute_get", computes.get_compute),
    _served("PUT", f"{_WS}/computes/{{name}}", "compute_create_or_update", computes.put_compute),
    _served("DELETE", f"{_WS}/computes/{{name}}", "compute_delete", computes.delete_compute),
    _served(
        "POST", f"{_WS}/computes/{{name}}/listNodes", "compute_list_nodes", computes.list_nodes
    ),
    # Environments, data, models, code.
    *_assets("environment", ENVIRONMENTS),
    *_assets("data", DATA),
    *_assets("model", MODELS),
    _served("GET", _CODE, "code_versions_list", codes.list_versions),
    _served("GET", f"{_CODE}/{{version}}", "code_versions_get", codes.CODES.get_version),
    _served(
        "PUT", f"{_CODE}/{{version}}", "code_versions_create_or_update", codes.CODES.put_version
    ),
    _served(
        "POST",
        f"{_CODE}/{{version}}/startPendingUpload",
        "code_versions_create_or_get_start_pending_upload",
        codes.start_upload,
    ),
    # Jobs, and the same jobs as runs.
    _served("GET", f"{_WS}/jobs", "jobs_list", jobs.list_jobs),
    _served("GET", f"{_WS}/jobs/{{job}}", "jobs_get", jobs.get_job),
    _served("PUT", f"{_WS}/jobs/{{job}}", "jobs_create_or_update", jobs.put_job),
    _served("DELETE", f"{_WS}/jobs/{{job}}", "jobs_delete", jobs.delete_job),
    _served("POST", f"{_WS}/jobs/{{job}}/cancel", "jobs_cancel", jobs.cancel_job),
    _served(
        "GET",
        f"{_PLACE}/mfeOperationResults/{{operation}}",
        "job_operation_get",
        jobs.get_cancellation,
    ),
    _served("GET", f"{_HISTORY}/runs/{{run}}", "runs_get", runs.get_run),
    _served("PATCH", f"{_HISTORY}/runs/{{run}}", "runs_add_or_modify_experiment", runs.change_run),
    _served("GET", f"{_HISTORY}/runs/{{run}}/details", "runs_get_details", runs.get_details),
    _served("GET", f"{_HISTORY}/runs/{{run}}/children", "runs_get_child", runs.list_children),
    _served("POST", f"{_HISTORY}/rundata", "runs_get_run_data", runs.get_data),
    _served(
        "PATCH",
        f"{_EXPERIMENT}/runs/{{run}}",
        "runs_add_or_modify_by_experiment_name",
        runs.change_run,
    ),
    _served(
        "POST",
        f"/data/v1.0{_WS}/dataversion/batchGetResolvedUris",
        "data_version_ops_batch_get_resolved_uris",
        runs.resolve_outputs,
    ),
    # Tracking by a job.
    _for_jobs("GET", f"{_MLFLOW}/get", "mlflow_runs_get", tracking.get_run),
    _for_jobs("POST", f"{_MLFLOW}/update", "mlflow_runs_update", tracking.update_run),
    _for_jobs("POST", f"{_MLFLOW}/log-batch", "mlflow_runs_log_batch", tracking.log_batch),
    _for_jobs("POST", f"{_MLFLOW}/log-metric", "mlflow_runs_log_metric", tracking.log_metric),
    _for_jobs(
        "POST", f"{_MLFLOW}/log-parameter", "mlflow_runs_log_parameter", tracking.log_parameter
    ),
    _for_jobs("POST", f"{_MLFLOW}/set-tag", "mlflow_runs_set_tag", tracking.set_tag),
    _for_jobs(
        "GET",
        _ARTIFACTS,
        "run_artifacts_list_in_container_by_experiment_name",
        tracking.list_artifacts,
    ),
    _for_jobs(
        "POST",
        f"{_ARTIFACTS}/batch/metadata",
        "run_artifacts_batch_create_empty_artifacts_by_experiment_name",
        tracking.create_artifacts,
    ),
    # What MLflow 3 asks of its server, and Azure's does not have.
    *(
        _for_jobs(_ANY, f"{_MLFLOW_API}/{part}/{{rest*}}", name, tracking.refuse_unknown)
        for part, name in (
            ("2.0/mlflow/logged-models", "mlflow_logged_models"),
            ("2.0/mlflow/traces", "mlflow_traces"),
            ("3.0/mlflow/traces", "mlflow_traces"),
        )
    ),
    # The rest of the service, refused by name.
    _refused("operations", f"/{_ML}/operations"),
    _refused("quotas", f"{_PLACE}/quotas"),
    _refused("quotas", f"{_PLACE}/updateQuotas"),
    _refused("registries", f"{_GROUP}/{_ML}/registries/{{rest*}}"),
    _refused("registries", f"{_SUB}/{_ML}/registries"),
    _refused("workspace changes", _WS),
    _refused("datastore changes", f"{_WS}/datastores/{{rest*}}"),
    _refused("compute keys, power and changes of nodes", f"{_WS}/computes/{{rest*}}"),
    _refused("deletion and sharing of assets", f"{_WS}/environments/{{rest*}}"),
    _refused("deletion and sharing of assets", f"{_WS}/data/{{rest*}}"),
    _refused("deletion and sharing of assets", f"{_WS}/models/{{rest*}}"),
    _refused("deletion and sharing of assets", f"{_WS}/codes/{{rest*}}"),
    _refused("components", f"{_WS}/components/{{rest*}}"),
    _refused("batch endpoints", f"{_WS}/batchEndpoints/{{rest*}}"),
    _refused("online endpoints", f"{_WS}/onlineEndpoints/{{rest*}}"),
    _refused("serverless endpoints", f"{_WS}/serverlessEndpoints/{{rest*}}"),
    _refused("marketplace subscriptions", f"{_WS}/marketplaceSubscriptions/{{rest*}}"),
    _refused("schedules", f"{_WS}/schedules/{{rest*}}"),
    _refused("feature sets", f"{_WS}/featuresets/{{rest*}}"),
    _refused("feature store entities", f"{_WS}/featurestoreEntities/{{rest*}}"),
    _refused("workspace connections", f"{_WS}/connections/{{rest*}}"),
    _refused("networks of the workspace", f"{_WS}/outboundRules/{{rest*}}"),
    _refused("networks of the workspace", f"{_WS}/privateEndpointConnections/{{rest*}}"),
    _refused("workspace keys, notebooks and diagnosis", f"{_WS}/{{rest*}}"),
    _refused("MLflow's experiments, models and searches", "/mlflow/{rest*}"),
    _refused("events, metrics and artifacts of runs", "/history/{rest*}"),
    _refused("events, metrics and artifacts of runs", "/metric/{rest*}"),
    _refused("events, metrics and artifacts of runs", "/artifact/{rest*}"),
    _refused("data sets of the data plane", "/data/{rest*}"),
    _refused("data sets of the data plane", "/dataset/{rest*}"),
    _refused("models of the data plane", "/modelregistry/{rest*}"),
    _refused("hubs", "/rp/{rest*}"),
)
UNKNOWN = _refused("unknown", "/{rest*}")


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """Return the first route that matches, with the named segments of the path."""
    for route in ROUTES:
        if route.method in (method, _ANY) and (found := _pattern(route.path).fullmatch(path)):
            return route, {name: text or "" for name, text in found.groupdict().items()}
    return UNKNOWN, {}


@cache
def _pattern(path: str) -> re.Pattern[str]:
    """Return the pattern of a path. ARM ignores case."""
    parts = []
    for part in path.strip("/").split("/"):
        if part.startswith("{") and part.endswith("*}"):
            parts.append(f"(?:/(?P<{part[1:-2]}>.*))?")
        elif part.startswith("{"):
            parts.append(f"/(?P<{part[1:-1]}>[^/]+)")
        else:
            parts.append(f"/{re.escape(part)}")
    return re.compile("".join(parts), re.IGNORECASE)
