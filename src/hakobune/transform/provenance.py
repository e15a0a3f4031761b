"""A run's record as an in-toto statement with SLSA's provenance. No I/O.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md,
https://slsa.dev/spec/v1.1/provenance
"""

import json
from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement

from hakobune.model.forms import escaped
from hakobune.model.json_text import parse_json
from hakobune.model.record import RECORD, Outside, RunRecord

PAYLOAD_TYPE = "application/vnd.in-toto+json"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
# A statement has the sha256 and name of every file; in bytes.
LARGEST = 12 << 20
# What kind of build this is; docs/reference/record.md says what the parameters mean.
BUILD_TYPE = "urn:hakobune:training:v2"


def write_statement(record: RunRecord, outside: Outside, *, record_sha256: str) -> bytes:
    """Return the statement as JSON: its subjects are all files of the run, and the record.

    `record_sha256` is that of the bytes of record.json.
    """
    files = {entry.name: entry.sha256 for entry in record.manifest} | {RECORD: record_sha256}
    statement = Statement(
        [ResourceDescriptor(name=n, digest={"sha256": d}).pb for n, d in sorted(files.items())],
        PREDICATE_TYPE,
        json_format.MessageToDict(_provenance(record, outside)),
    )
    statement.validate()
    return json.dumps(json_format.MessageToDict(statement.pb), sort_keys=True).encode()


def subjects(statement: bytes) -> Mapping[str, str]:
    """Return the sha256 of each file by name. Raises ValueError for anything else."""
    try:
        found: Any = json_format.Parse(statement, Statement([], "", {}).pb)
    except json_format.ParseError as exc:
        raise ValueError(f"it is not an in-toto statement: {exc}") from exc
    whole = Statement.copy_from_pb(found)
    whole.validate()
    if found.predicate_type != PREDICATE_TYPE:
        raise ValueError(f"its predicate is {found.predicate_type}")
    return {item.name: item.digest["sha256"] for item in found.subject}


def require_same(statement: bytes, record: RunRecord, outside: Outside, sha256: str) -> None:
    """Raise ValueError unless the statement is the one that `write_statement` makes of the record.

    Subjects alone would let a signed statement claim other data, images or arguments.
    """
    found = parse_json(statement, largest=LARGEST)
    wanted = json.loads(write_statement(record, outside, record_sha256=sha256))
    different = [key for key in sorted({*found, *wanted}) if found.get(key) != wanted.get(key)]
    if different:
        raise ValueError(f"its {' and '.join(map(escaped, different))} differs from the record")


def _provenance(record: RunRecord, outside: Outside) -> Any:  # noqa: ANN401 - protobuf has no types
    values = record.values
    provenance: Any = provenance_pb2.Provenance()
    build = provenance.build_definition
    build.build_type = BUILD_TYPE
    build.external_parameters.update({"arguments": list(record.arguments)})
    build.resolved_dependencies.extend(_dependencies(record, outside))
    run = provenance.run_details
    run.builder.id = f"urn:hakobune:{outside.found_by}"
    run.builder.version.update({"hakobune": outside.hakobune})
    run.metadata.invocation_id = record.run_id
    for field, key in ((run.metadata.started_on, "started"), (run.metadata.finished_on, "ended")):
        if isinstance(values.get(key), str):
            field.FromJsonString(values[key])
    return provenance


def _dependencies(record: RunRecord, outside: Outside) -> list[Any]:
    """Return everything that the run was made of, by name and digest."""
    documents = (outside.environment, outside.lock, outside.dockerfile, outside.source)
    named = [("image", outside.image.removeprefix("sha256:"))]
    named += [(document.path, document.sha256) for document in documents]
    named += [(f"input {item.name}", item.sha256) for item in record.inputs]
    found = [ResourceDescriptor(name=n, digest={"sha256": d}).pb for n, d in named]
    found.append(ResourceDescriptor(name="base", uri=outside.base).pb)
    if outside.commit:
        found.append(ResourceDescriptor(name="git", digest={"gitCommit": outside.commit}).pb)
    return found
