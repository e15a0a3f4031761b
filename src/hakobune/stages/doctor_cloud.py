"""What the workspace, its storage, its registry and a cluster allow; changes nothing there."""

import sys
from collections.abc import Callable

from hakobune.adapters import registry
from hakobune.adapters.azure_sdk import within
from hakobune.adapters.patience import Patience
from hakobune.adapters.process import Runner
from hakobune.errors import HakobuneError
from hakobune.model.cloud import Cloud
from hakobune.model.finding import Finding
from hakobune.transform.check_compute import check_compute, check_quotas

LIMIT_S = 60.0
_NOWHERE = "hakobune-doctor:none"  # an image that no registry has


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
        bounded("storage", lambda: _storage(cloud())),
        bounded("push", lambda: _registry(registry_name or cloud().registry(), runner, patience)),
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


def _storage(cloud: Cloud) -> Finding:
    mode = cloud.surroundings().storage_mode.lower()
    cloud.read_storage()
    what = "the workspace's storage can be read from here"
    if mode == "identity":
        return Finding(
            step="storage",
            state="weak",
            what=f"{what}; it is used by identity, without keys",
            remedy="give the cluster an identity with the role Storage Blob Data Contributor for "
            "the storage account",
        )
    return Finding(step="storage", state="ok", what=what)


def _registry(name: str, runner: Runner, patience: Patience) -> Finding:
    if not name:
        return Finding(
            step="push",
            state="no",
            what="the workspace has no container registry, and none is named",
            remedy="set HAKOBUNE_REGISTRY, or give the workspace a registry",
        )
    registry.manifest(runner, f"{name}/{_NOWHERE}", patience)
    what = f"{name} answers, and accepts the login (whether it accepts a push was not tried)"
    return Finding(step="push", state="ok", what=what)


def _compute(cloud: Cloud, name: str) -> Finding:
    found = cloud.compute(name)
    if found is None:
        return Finding(
            step="compute",
            state="weak",
            what=f"the workspace has no compute {name}",
            remedy="name another with HAKOBUNE_COMPUTE, or submit with --create-compute",
        )
    check_compute(found, instances=1, wanted=None)
    quotas = cloud.quotas(found) if found.size else ()
    check_quotas(found, quotas, instances=1)
    tier = "low priority" if found.is_low_priority else "dedicated"
    free = ", ".join(f"{one.allowed - one.used} of {one.allowed} {one.kind}" for one in quotas)
    return Finding(
        step="compute",
        state="ok",
        what=f"{name}: {found.size or 'no fixed size'}, {tier}, up to {found.max_instances} nodes; "
        f"free quota: {free or 'not known'}",
    )
