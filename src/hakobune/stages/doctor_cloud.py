"""What the workspace, its storage, its registry and a cluster allow; changes nothing there."""

import sys
from collections.abc import Callable
from typing import TypeVar

from hakobune.adapters import registry
from hakobune.adapters.azure_sdk import within
from hakobune.adapters.patience import Patience
from hakobune.adapters.process import Runner
from hakobune.errors import (
    AnswerInvalidError,
    HakobuneError,
    PermissionMissingError,
    RegistryRefusedError,
    ServiceRefusedError,
)
from hakobune.model import access
from hakobune.model.cloud import Cloud
from hakobune.model.finding import Finding
from hakobune.model.job import SERVERLESS, Compute
from hakobune.transform.check_compute import check_compute, check_quotas, require_identity

T = TypeVar("T")
LIMIT_S = 60.0
_REPOSITORY = "hakobune-doctor"
_NOWHERE = f"{_REPOSITORY}:none"  # an image that no registry has
_UNREADABLE = (PermissionMissingError, ServiceRefusedError, AnswerInvalidError)


def examine_cloud(  # noqa: PLR0913 - what is asked, by name
    cloud: Callable[[], Cloud],
    runner: Runner,
    patience: Patience,
    *,
    registry_name: str,
    compute: str,
    limit_s: float = LIMIT_S,
) -> tuple[Finding, ...]:
    """Return a finding for each thing that a job needs in the cloud, in the order of a submit.

    `cloud` returns the workspace, or raises what is wrong with its name. Each answer is waited for
    `limit_s` seconds. Without a login or a workspace nothing else is asked.
    """

    def bounded(step: str, check: Callable[[], Finding]) -> Finding:
        return _bounded(step, check, limit_s)

    first = bounded("cloud", lambda: _workspace(cloud()))
    if first.state == "no":
        return (first,)
    return (
        first,
        bounded("roles", lambda: _roles(cloud(), compute)),
        bounded("storage", lambda: _storage(cloud())),
        bounded("push", lambda: _registry(cloud(), registry_name, runner, patience)),
        bounded("compute", lambda: _compute(cloud(), compute)),
    )


def _bounded(step: str, check: Callable[[], Finding], limit_s: float) -> Finding:
    found: list[Finding] = []
    streams = sys.stdout, sys.stderr
    raised = within(limit_s, lambda: found.append(check()))
    # A call that is still waiting keeps what the SDK prints aside, and with it what we print.
    sys.stdout, sys.stderr = streams
    if isinstance(raised, HakobuneError):
        return Finding(step=step, state="no", what=raised.what, remedy=raised.remedy)
    if raised is not None:
        return Finding(
            step=step,
            state="no",
            what=f"the check failed: {type(raised).__name__}: {raised}",
            remedy="this is a defect of hakobune; report it with this line",
        )
    if not found:
        return Finding(
            step=step,
            state="no",
            what=f"no answer within {limit_s:g} s",
            remedy="check network, proxy and firewall of this machine, then run it again",
        )
    return found[0]


def _workspace(cloud: Cloud) -> Finding:
    around = cloud.surroundings()
    what = f"the login is accepted; the workspace is in {around.location or 'an unnamed location'}"
    if around.network.lower() == "disabled":
        return Finding(
            step="cloud",
            state="weak",
            what=f"{what} and allows private networks only",
            remedy="run hakobune on a machine of its network; a new cluster needs a subnet there",
        )
    return Finding(step="cloud", state="ok", what=what)


def _roles(cloud: Cloud, compute: str) -> Finding:
    """Return whether the caller may submit, register and, without a cluster, create one."""
    held, why = _readable(lambda: cloud.permissions("workspace"))
    if held is None:
        return Finding(
            step="roles",
            state="weak",
            what=f"your roles on the workspace cannot be read ({why})",
            remedy="ask its owner whether you have the role AzureML Data Scientist; hakobune "
            "canary tries it",
        )
    if lacks := access.lacking(held, access.SUBMIT):
        return Finding(
            step="roles",
            state="no",
            what=f"you may not submit jobs: no role of yours allows {', '.join(lacks)}",
            remedy="ask the workspace's owner for the role AzureML Data Scientist",
        )
    if lacks := access.lacking(held, access.REGISTER):
        return Finding(
            step="roles",
            state="weak",
            what=f"you may submit jobs, and not register models: no role allows {lacks[0]}",
            remedy="ask the workspace's owner for the role AzureML Data Scientist",
        )
    if not access.lacking(held, access.CREATE_CLUSTER):
        what = "you may submit jobs, register models and create clusters"
        return Finding(step="roles", state="ok", what=what)
    what = "you may submit jobs and register models, and not create clusters"
    if compute == SERVERLESS or cloud.compute(compute) is not None:
        return Finding(step="roles", state="ok", what=what)
    return Finding(
        step="roles",
        state="weak",
        what=f"{what}; there is no cluster {compute}",
        remedy="name another with HAKOBUNE_COMPUTE, or ask the workspace's owner for the role "
        "AzureML Compute Operator",
    )


def _storage(cloud: Cloud) -> Finding:
    cloud.read_storage()
    what = "the workspace's storage can be read from here"
    if cloud.is_keyless():
        what += "; it is used by identity, without keys"
        held, why = _readable(lambda: cloud.permissions("storage"))
        doubt = ""
        if held is None:
            doubt = f"Whether you may upload inputs is not known: {why}"
        elif access.lacking_data(held, access.WRITE_BLOBS):
            doubt = f"You may not upload inputs: no role allows {access.WRITE_BLOBS[0]}"
        if doubt:
            return Finding(
                step="storage",
                state="weak",
                what=f"{what}. {doubt}",
                remedy="ask the storage account's owner for the role Storage Blob Data Contributor",
            )
    account, why = _readable(cloud.storage_account)
    if account is None:
        return Finding(step="storage", state="ok", what=f"{what}; its firewall is not known: {why}")
    if account.is_network_limited:
        return Finding(
            step="storage",
            state="weak",
            what=f"{what}, and its firewall lets in chosen networks only",
            remedy="the cluster must be in one of them: --create-compute --subnet ID, or a managed "
            "network of the workspace",
        )
    return Finding(step="storage", state="ok", what=f"{what}; it lets in all networks")


def _registry(cloud: Cloud, named: str, runner: Runner, patience: Patience) -> Finding:
    own, why = _readable(cloud.registry_account)
    name = named or (own.server if own else cloud.registry())
    if not name:
        is_none = "the workspace has no container registry, and none is named"
        return Finding(
            step="push",
            state="no",
            what=f"the workspace's container registry is not known: {why}" if why else is_none,
            remedy="set HAKOBUNE_REGISTRY, or give the workspace a registry",
        )
    mode, role = f"the mode of its roles is not known{f': {why}' if why else ''}", ""
    if own is not None and own.server == name:
        mode = f"its roles are {'in ABAC mode' if own.is_abac else 'of the whole registry'}"
        role = own.push_role
    try:
        registry.manifest(runner, f"{name}/{_NOWHERE}", patience)
        is_begun = registry.require_writable(f"{name}/{_REPOSITORY}")
    except RegistryRefusedError as exc:
        remedy = f"{exc.remedy}\nit needs the role {role}; {mode}" if role else exc.remedy
        return Finding(step="push", state="no", what=exc.what, remedy=remedy)
    if is_begun or (own is not None and role and _may_push(cloud, own)):
        how = "accepts a push" if is_begun else "answers, and your roles allow a push"
        return Finding(step="push", state="ok", what=f"{name} {how}; {mode}")
    return Finding(
        step="push",
        state="weak",
        what=f"{name} answers; whether it accepts a push is not known; {mode}",
        remedy=f"docker login {name}; a push needs the role "
        f"{role or 'AcrPush, or Container Registry Repository Writer in ABAC mode'}",
    )


def _may_push(cloud: Cloud, own: access.RegistryAccount) -> bool:
    """Tell whether the caller's roles allow a push; no where they cannot be read."""
    held, _ = _readable(lambda: cloud.permissions("registry"))
    if held is None:
        return False
    if own.is_abac:
        return not access.lacking_data(held, access.PUSH_ABAC)
    return not access.lacking(held, access.PUSH)


def _compute(cloud: Cloud, name: str) -> Finding:
    if name == SERVERLESS:
        return Finding(step="compute", state="ok", what="serverless: no cluster is needed")
    found = cloud.compute(name)
    if found is None:
        return Finding(
            step="compute",
            state="weak",
            what=f"the workspace has no compute {name}",
            remedy="name another with HAKOBUNE_COMPUTE, or submit with --create-compute",
        )
    check_compute(found, instances=1, wanted=None)
    if cloud.is_keyless():
        require_identity(found)
    quotas = cloud.quotas(found) if found.size else ()
    check_quotas(found, quotas, instances=1)
    tier = "low priority" if found.is_low_priority else "dedicated"
    free = ", ".join(f"{one.allowed - one.used} of {one.allowed} {one.kind}" for one in quotas)
    place = f"in the subnet {found.subnet.rpartition('/')[2]}" if found.subnet else "in no subnet"
    what = (
        f"{name}: {found.size or 'no fixed size'}, {tier}, up to {found.max_instances} nodes, "
        f"{place}, {found.identity.replace('_', ' ') or 'no'} identity; "
        f"free quota: {free or 'not known'}"
    )
    problems = (*_closed_to(cloud, found), *_roles_lacking(cloud, found))
    if not problems:
        return Finding(step="compute", state="ok", what=what)
    whats, remedies = zip(*problems, strict=True)
    return Finding(
        step="compute",
        state="weak",
        what="\n".join((what, *whats)),
        remedy="\n".join(dict.fromkeys(remedies)),
    )


def _closed_to(cloud: Cloud, compute: Compute) -> list[tuple[str, str]]:
    """Return that the storage's firewall keeps the cluster out, if it may."""
    account, _ = _readable(cloud.storage_account)
    if compute.subnet or account is None or not account.is_network_limited:
        return []
    return [
        (
            "the storage's firewall lets in chosen networks only, and the cluster is in no subnet",
            (
                "create a cluster in one of them: --create-compute --compute NAME --subnet ID "
                "(not needed in a managed network of the workspace)"
            ),
        )
    ]


def _roles_lacking(cloud: Cloud, compute: Compute) -> list[tuple[str, str]]:
    """Return what the cluster's identity lacks, as far as it can be read. Groups are looked into.

    What a custom role allows is not looked at.
    """
    needed: list[tuple[access.Resource, str, tuple[str, ...]]] = []
    if cloud.is_keyless():
        needed.append(("storage", "Storage Blob Data Contributor", access.BLOB_ROLES))
    own, _ = _readable(cloud.registry_account)
    if own is not None and not own.has_admin_user:
        roles = access.PULL_ROLES_ABAC if own.is_abac else access.PULL_ROLES
        needed.append(("registry", own.pull_role, roles))
    return [
        problem
        for resource, role, roles in needed
        if (problem := _role_lacking(cloud, compute, resource, role, roles))
    ]


def _role_lacking(
    cloud: Cloud,
    compute: Compute,
    resource: access.Resource,
    role: str,
    roles: tuple[str, ...],
) -> tuple[str, str] | None:
    remedy = f"ask the owner of the {resource} to give the cluster's identity the role {role}"
    if compute.identity.lower() in ("", "none"):
        return (
            f"the {resource} is reached by identity only, and the cluster has none",
            (
                f"az ml compute update --name {compute.name} --identity-type SystemAssigned"
                f"\n{remedy}"
            ),
        )
    if not compute.principal:  # a user-assigned identity, which the cluster does not describe
        return None
    held, why = _readable(lambda: cloud.roles_of(compute.principal, resource))
    if held is None:
        return f"its roles on the {resource} cannot be read: {why}", f"{remedy}, if it has none"
    if set(held) & set(roles):
        return None
    return f"its identity has not the role {role} on the {resource}, nor one above it", remedy


def _readable(ask: Callable[[], T]) -> tuple[T | None, str]:
    """Return the answer; None and the reason where the caller may not ask, or gets no answer."""
    try:
        return ask(), ""
    except _UNREADABLE as exc:
        return None, exc.what
