"""The SDK's objects to values of ours. Nothing is asked and nothing imported.

Whoever may write to the workspace chooses names, tags and addresses: each must have its form
(docs/reference/forms.md), or the answer is refused.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hakobune.errors import AnswerInvalidError
from hakobune.model.forms import is_of, optional, required, shortened
from hakobune.model.job import Compute, Job, Pairs, Quota, Surroundings

# The tags that are read. Others are the user's: of these, what no record may hold is left out.
_OURS = ("hakobune.", "git.")
_MOST = 10_000
_LONGEST_REASON = 500

# The studio of Azure's public cloud, of the one in China and of the one for the US government.
_STUDIO = re.compile(r"https://(studio\.)?ml\.azure\.(com|cn|us)/[!-~]*")
# The SDK adds the tenant.
_DRYDOCK = re.compile(
    r"http://127\.0\.0\.1:[0-9]{1,5}/jobs/[A-Za-z0-9_-]{1,255}"
    r"\?token=[0-9a-f]{1,64}\.[0-9a-f]{1,64}(?:&tid=[0-9a-f-]{36})?"
)


def job_of(found: Any, *, is_rehearsal: bool = False) -> Job:
    """Return the job; in a rehearsal its page is one of drydock's. Raises AnswerInvalidError."""
    with checked("a job"):
        outputs = {
            required("input name", name): optional("place", str(getattr(value, "path", "") or ""))
            for name, value in (found.outputs or {}).items()
        }
        environment = environment_of(str(getattr(found, "environment", "") or ""))
        return Job(
            name=required("job name", found.name),
            status=required("job status", _word(found.status)),
            page=studio_page(str(found.studio_url or ""), is_rehearsal=is_rehearsal),
            tags=_tags(found.tags or {}),
            outputs=tuple(outputs.items()),
            # One that is described inside the job has no name.
            environment=environment if is_of("environment", environment) else "",
            command=required("argument", str(getattr(found, "command", "") or "")),
            compute=optional("line", str(getattr(found, "compute", "") or "").rpartition("/")[2]),
        )


@contextmanager
def checked(what: str) -> Iterator[None]:
    """Raise AnswerInvalidError for an answer that is read inside and does not have its form."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as exc:
        raise AnswerInvalidError(
            f"Azure ML describes {what} in a way that hakobune does not accept: {exc}",
            remedy="ask who else may write to the workspace; docs/reference/forms.md lists what "
            "is accepted",
        ) from exc


def text_of(kind: str, value: object) -> str:
    """Return a text of this form, or nothing for nothing. Raises AnswerInvalidError."""
    with checked(f"a {kind}"):
        return optional(kind, str(value or ""))


def _tags(found: Any) -> Pairs:
    """Return the tags that may be recorded. Raises ValueError for a bad one that we read."""
    if len(found) > _MOST:
        raise ValueError(f"it has {len(found)} tags")
    pairs = [(str(name), str(value)) for name, value in found.items()]
    for name, value in pairs:
        if name.startswith(_OURS) and not (is_of("tag", name) and is_of("tag", value)):
            raise ValueError(f"the tag {shortened(name)} is {shortened(value)}")
    return tuple(pair for pair in pairs if all(is_of("tag", text) for text in pair))


def studio_page(address: str, *, is_rehearsal: bool = False) -> str:
    """Return the address if it is one of Azure ML's studio, else nothing.

    A private cloud may hand out an address that no page answers. Only in a rehearsal the page may
    be on this machine: drydock's, whose address has a token.
    """
    form = _DRYDOCK if is_rehearsal else _STUDIO
    return address if is_of("place", address) and form.fullmatch(address) else ""


def environment_of(text: str) -> str:
    """Return `name:version` of an environment that is named by its address or by `azureml:`."""
    address = re.search(r"/environments/([^/]+)/versions/([^/]+)$", text)
    return ":".join(address.groups()) if address else text.removeprefix("azureml:")


def compute_of(found: Any) -> Compute:
    """Return the compute. Raises AnswerInvalidError."""
    with checked("a compute"):
        identity = getattr(found, "identity", None)
        return Compute(
            name=required("line", str(found.name)),
            kind=required("line", _word(found.type)),
            state=required("line", _word(found.provisioning_state)),
            size=required("line", str(getattr(found, "size", "") or "")),
            max_instances=int(getattr(found, "max_instances", 0) or 0),
            is_low_priority="low" in _word(getattr(found, "tier", "")).lower(),
            errors=str(found.provisioning_errors or ""),
            identity=optional("line", _word(getattr(identity, "type", ""))),
            subnet=optional("place", _subnet(found)),
            principal=optional("service id", str(getattr(identity, "principal_id", "") or "")),
        )


def surroundings_of(found: Any) -> Surroundings:
    """Return what a workspace says of itself. Raises AnswerInvalidError."""
    with checked("a workspace"):
        return Surroundings(
            location=required("line", str(found.location or "")),
            storage_mode=required("line", _word(found.system_datastores_auth_mode)),
            network=required("line", _word(found.public_network_access)),
        )


def _subnet(found: Any) -> str:
    return str(getattr(getattr(found, "network_settings", None), "subnet", "") or "")


def nodes_of(found: Any) -> str:
    """Return in one line what the service says of a cluster's nodes. Raises AnswerInvalidError.

    `found` is the REST answer: the SDK's own object has none of it.
    """
    with checked("a cluster's nodes"):
        cluster = found.properties.properties
        current, target = cluster.current_node_count or 0, cluster.target_node_count or 0
        words = [f"{_word(cluster.allocation_state) or 'no state'}, {current} of {target} nodes"]
        counts = cluster.node_state_counts
        for state in ("preparing", "unusable", "leaving", "preempted"):
            count = getattr(counts, f"{state}_node_count", 0) or 0
            words += [f"{count} {state}"] if count else []
        for error in cluster.errors or []:
            detail = getattr(error, "error", error)
            words.append(f"{detail.code}: {detail.message}")
        return required("line", " ".join("; ".join(words).split())[:_LONGEST_REASON])


def quotas_of(compute: Compute, sizes: list[Any], usages: list[Any]) -> tuple[Quota, ...]:
    """Return the quotas of the machines' family and of their tier in total.

    A family has two rows of the same name, told apart by the tier in their `type`. A quota's name
    of some families has spaces that the sizes' has not (`Standard NCASv3_T4 Family`). Raises
    AnswerInvalidError.
    """
    with checked("a quota"):
        size = next((s for s in sizes if str(s.name).lower() == compute.size.lower()), None)
        if size is None:
            return ()
        tier = "lowprioritycores" if compute.is_low_priority else "dedicatedcores"
        wanted = ((_plain(str(size.family)), f"/{tier}/"), (f"total{tier}", ""))
        return tuple(
            Quota(
                kind=required("line", _field(usage.name, "value")),
                per_node=int(_field(size, "vCPUs", "v_cp_us") or 0),
                used=int(_field(usage, "currentValue", "current_value") or 0),
                allowed=int(_field(usage, "limit")),
            )
            for usage in usages
            if any(
                _plain(_field(usage.name, "value")) == name
                and kind in _field(usage, "type").lower()
                for name, kind in wanted
            )
            # No limit, or a negative one: not limited.
            and int(_field(usage, "limit") or -1) >= 0
        )


def _plain(name: str) -> str:
    return name.replace(" ", "").lower()


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
        said = ": ".join(str(error[key]) for key in ("code", "message") if error.get(key))
        return " ".join(said.split())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return " ".join(text.split())


def _word(value: object) -> str:
    """Return a word of the service's, which the SDK gives as text, as an enum or not at all."""
    return str(getattr(value, "value", value) or "")
