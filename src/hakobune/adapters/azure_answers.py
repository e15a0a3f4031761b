"""The SDK's objects to values of ours. Nothing is asked and nothing imported."""

import json
import re
from typing import Any

from hakobune.model.job import Compute, Job, Quota

# The studio of Azure's public cloud, of the one in China and of the one for the US government.
_STUDIO = re.compile(r"https://(studio\.)?ml\.azure\.(com|cn|us)/[!-~]*")


def job_of(found: Any) -> Job:
    """Return the job."""
    outputs = {name: getattr(value, "path", None) for name, value in (found.outputs or {}).items()}
    return Job(
        name=str(found.name),
        status=_word(found.status),
        page=studio_page(str(found.studio_url or "")),
        tags=tuple((str(k), str(v)) for k, v in (found.tags or {}).items()),
        outputs=tuple((name, str(path or "")) for name, path in outputs.items()),
        environment=environment_of(str(getattr(found, "environment", "") or "")),
        command=str(getattr(found, "command", "") or ""),
    )


def studio_page(address: str) -> str:
    """Return the address if it is one of Azure ML's studio, else nothing.

    A stand-in or a private cloud may hand out an address that no page answers.
    """
    return address if _STUDIO.fullmatch(address) else ""


def environment_of(text: str) -> str:
    """Return `name:version` of an environment that is named by its address or by `azureml:`."""
    address = re.search(r"/environments/([^/]+)/versions/([^/]+)$", text)
    return ":".join(address.groups()) if address else text.removeprefix("azureml:")


def compute_of(found: Any) -> Compute:
    """Return the compute."""
    return Compute(
        name=str(found.name),
        kind=_word(found.type),
        state=_word(found.provisioning_state),
        size=str(getattr(found, "size", "") or ""),
        max_instances=int(getattr(found, "max_instances", 0) or 0),
        is_low_priority="low" in _word(getattr(found, "tier", "")).lower(),
        errors=str(found.provisioning_errors or ""),
    )


def quotas_of(compute: Compute, sizes: list[Any], usages: list[Any]) -> tuple[Quota, ...]:
    """Return the quotas of the machines' family; low priority has one of its own for all."""
    size = next((s for s in sizes if str(s.name).lower() == compute.size.lower()), None)
    if size is None:
        return ()
    wanted = "lowpriority" if compute.is_low_priority else str(size.family).lower()
    return tuple(
        Quota(
            kind=_field(usage.name, "value"),
            per_node=int(_field(size, "vCPUs", "v_cp_us") or 0),
            used=int(_field(usage, "currentValue", "current_value") or 0),
            allowed=int(_field(usage, "limit")),
        )
        for usage in usages
        if _field(usage.name, "value").lower().startswith(wanted)
        # No limit, or a negative one: not limited.
        and int(_field(usage, "limit") or -1) >= 0
    )


def _field(item: Any, *names: str) -> str:
    """Return the first of these fields that there is.

    Of sizes and usages the SDK (1.35.2) leaves the fields that it documents empty, and keeps the
    service's own names beside them.
    """
    for name in names:
        value = item.get(name) if isinstance(item, dict) else getattr(item, name, None)
        if value is not None:
            return str(value)
    return ""


def error_text(text: str) -> str:
    """Return code and message of the JSON that the SDK puts into its exception's text."""
    try:
        error = json.loads(text[text.index("{") : text.rindex("}") + 1])
        error = error.get("error", error)
        return ": ".join(str(error[key]) for key in ("code", "message") if error.get(key))
    except (ValueError, KeyError, TypeError, AttributeError):
        return " ".join(text.split())


def _word(value: object) -> str:
    """Return a word of the service's, which the SDK gives as text, as an enum or not at all."""
    return str(getattr(value, "value", value) or "")
