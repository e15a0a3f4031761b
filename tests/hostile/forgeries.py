"""Forged runs: what somebody may do to the folder of a run, and whether `verify` can tell.

Each forgery is seen, by the name of an error, or cannot be: the reason is in the table of
docs/reference/record.md, which a test compares with this file.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hakobune.adapters import signing
from hakobune.model.record import PUBLIC_KEY, STATEMENT
from hakobune.stages.check_signature import Demand
from hakobune.stages.record import read_run_record, require_outside
from hakobune.stages.sign import sign
from hakobune.transform.provenance import PAYLOAD_TYPE, write_statement
from hakobune.transform.seal import seal
from hakobune.transform.write_record import sealed, write_json
from tests.run_samples import Made, engine_of
from tests.samples import DIGEST, FakeReporter

OURS, THEIRS = (Ed25519PrivateKey.from_private_bytes(letter * 32) for letter in (b"k", b"t"))


@dataclass
class Run:
    """A copy of a good run, which a forgery changes."""

    made: Made
    demand: Demand = field(default_factory=Demand)

    @property
    def folder(self) -> Path:
        return self.made.folder

    def edit(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Change the record's values and seal them again, as anyone can."""
        values = json.loads((self.folder / "record.json").read_bytes())
        change(values)
        (self.folder / "record.json").write_bytes(sealed(values))

    def write(self, name: str, content: bytes) -> None:
        """Write a file of the run, and list it in the record."""
        (self.folder / name).write_bytes(content)
        entry = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        self.edit(lambda r: r["manifest"].update({name: entry}))

    def replace_text(self, old: bytes, new: bytes) -> None:
        """Change the record's bytes without sealing them."""
        path = self.folder / "record.json"
        assert old in path.read_bytes()
        path.write_bytes(path.read_bytes().replace(old, new))

    def replace_document(self, name: str, key: str, content: bytes) -> None:
        """Exchange a document of the image, and name it in the record."""
        (self.folder / "image" / name).write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        self.edit(lambda r: r["outside"][key].update(sha256=sha256))

    def sign(self, key: Ed25519PrivateKey = OURS) -> None:
        path = self.folder.parents[1] / "key.pem"
        path.write_bytes(pem(key))
        sign(self.folder, path, FakeReporter())

    def sign_other(self, **other: object) -> None:
        """Sign a statement of another record than the run's, with the right key."""
        record = read_run_record(self.folder)
        outside = require_outside(record, self.folder)
        sha256 = hashlib.sha256((self.folder / "record.json").read_bytes()).hexdigest()
        payload = write_statement(replace(record, **other), outside, record_sha256=sha256)  # type: ignore[arg-type] # by name
        signed = signing.sign(payload, payload_type=PAYLOAD_TYPE, key=pem(OURS), place="k")
        (self.folder / STATEMENT).write_bytes(signed.envelope)
        (self.folder / PUBLIC_KEY).write_bytes(signed.public_key)

    def require(self, *signers: str) -> None:
        self.made = replace(self.made, project=replace(self.made.project, signers=signers))


def pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def key_id(key: Ed25519PrivateKey) -> str:
    public = signing.sign(b"", payload_type="t", key=pem(key), place="k").public_key
    return signing.key_id(public, place="k")


@dataclass(frozen=True)
class Forgery:
    """What is forged, how, and the error; or why none is possible."""

    name: str
    forge: Callable[[Run], object]
    error: str = ""
    because: str = ""


def _outside(**other: object) -> Callable[[Run], None]:
    return lambda run: run.edit(lambda r: r["outside"].update(other))


def _record(**other: object) -> Callable[[Run], None]:
    return lambda run: run.edit(lambda r: r.update(other))


def _listed(name: str) -> Callable[[Run], None]:
    entry = {"sha256": "a" * 64, "bytes": 1}
    return lambda run: run.edit(lambda r: r["manifest"].update({name: entry}))


def _link(name: str, target: str) -> Callable[[Run], None]:
    def forge(run: Run) -> None:
        path = run.folder / name
        if path.exists():
            path.rename(run.folder.parents[1] / "moved")
            target_path = run.folder.parents[1] / "moved"
        else:
            target_path = Path(target)
        path.symlink_to(target_path)

    return forge


def _pipe(name: str) -> Callable[[Run], None]:
    def forge(run: Run) -> None:
        (run.folder / name).unlink(missing_ok=True)
        os.mkfifo(run.folder / name)

    return forge


def _without(name: str, *, listed: bool) -> Callable[[Run], None]:
    def forge(run: Run) -> None:
        (run.folder / name).unlink()
        if not listed:
            run.edit(lambda r: r["manifest"].pop(name))

    return forge


def _empty_manifest(run: Run) -> None:
    for name in ("model.bin", "metric.json"):
        (run.folder / name).unlink()
    run.edit(lambda r: r.update(manifest={}))


def _job(image: str = "", **tags: str) -> Callable[[Run], None]:
    def forge(run: Run) -> None:
        named = f"r.example/demo@{image or run.made.image.id}"
        facts = {"name": "demo-run", "environment": "demo:1", "image": named, "tags": tags}
        run.edit(lambda r: r["outside"].update(job=facts, found_by="job"))

    return forge


def _rename(run: Run) -> None:
    target = run.folder.with_name("another")
    run.folder.rename(target)
    run.made = replace(run.made, folder=target)


def _copy(run: Run) -> None:
    shutil.copytree(run.folder, run.folder.with_name("copy"))


def _take_over(run: Run) -> None:
    _rename(run)
    run.edit(lambda r: r.update(run_id="another"))


def _other_lock(run: Run) -> None:
    lock = (run.folder / "image/demo.lock").read_bytes().rpartition(b"# sha256")[0]
    body = lock.decode().replace('"1.17.0"', '"1.16.0"')
    run.replace_document("demo.lock", "lock", seal(body))


def _other_base(run: Run) -> None:
    base = "docker.io/library/evil:1"
    run.edit(lambda r: (r["image"].update(base=base), r["outside"].update(base=base)))


def _damaged_layer(run: Run) -> None:
    damaged = run.made.runner.piped.replace(b"layer two", b"layer 2wo")
    run.made = replace(run.made, runner=engine_of(run.made.image, damaged))


def _signed(after: Callable[[Run], object]) -> Callable[[Run], None]:
    def forge(run: Run) -> None:
        run.sign()
        after(run)

    return forge


def _cut(*names: str) -> Callable[[Run], None]:
    def forge(run: Run) -> None:
        for name in names:
            (run.folder / name).unlink()

    return forge


def _statement_of_another(run: Run) -> None:
    statement = (run.folder / STATEMENT).read_bytes()
    run.edit(lambda r: r.update(seconds=1.0))
    run.sign()
    (run.folder / STATEMENT).write_bytes(statement)


def _appended(run: Run) -> None:
    path = run.folder / STATEMENT
    path.write_bytes(path.read_bytes() * 2)


def _signed_by_them(run: Run) -> None:
    run.require(key_id(OURS))
    run.sign(THEIRS)


def _beside_is_theirs(run: Run) -> None:
    run.sign(THEIRS)
    theirs = (run.folder / PUBLIC_KEY).read_bytes()
    run.sign(OURS)
    (run.folder / PUBLIC_KEY).write_bytes(theirs)


def _unsigned_where_required(run: Run) -> None:
    run.demand = Demand(is_required=True)


def _data_gone(run: Run) -> None:
    (run.made.project.root / "sales.csv").unlink()

    def other(r: dict[str, Any]) -> None:
        for item in (*r["inputs"], *r["outside"]["inputs"]):
            item["sha256"] = "0" * 64

    run.edit(other)


def _record_in_another_order(run: Run) -> None:
    path = run.folder / "record.json"
    values = json.loads(path.read_bytes())
    seal_key = values.pop("sha256")
    path.write_bytes(write_json({"sha256": seal_key, **values}))


def _changed_and_signed(run: Run) -> None:
    run.write("model.bin", b"evil")
    run.sign(THEIRS)


def _signed_lie(run: Run) -> None:
    run.require(key_id(OURS))
    run.write("metric.json", b'{"RMSE": 0.5, "R2": 0.99}\n')
    run.sign()


_DEEP = b'"seconds": ' + b"[" * 70 + b"]" * 70
_SEALS = "unsigned: whoever can write the folder can also seal the record again"

DETECTED = (
    Forgery("the commit is an option of git", _outside(commit="--output=/tmp/x"), "record-damaged"),
    Forgery("the commit is a branch", _outside(commit="main"), "record-damaged"),
    Forgery("the image is a tag", _outside(image="demo:local"), "record-damaged"),
    Forgery("the image is an option of docker", _outside(image="--help"), "record-damaged"),
    Forgery(
        "a line is forged by a line break", _outside(reference="x\nok  signed"), "record-damaged"
    ),
    Forgery("the reference is an option", _outside(reference="-v/:/host"), "record-damaged"),
    Forgery("text that turns the direction", _outside(hakobune="1.\u202e0"), "record-damaged"),
    Forgery("an escape sequence in a name", _record(run_id="demo\x1b[2J"), "record-damaged"),
    Forgery(
        "a path above the project",
        _outside(source={"path": "../..", "sha256": "a" * 64}),
        "record-damaged",
    ),
    Forgery("a listed file above the folder", _listed("../sales.csv"), "record-damaged"),
    Forgery("a listed file at the root", _listed("/etc/passwd"), "record-damaged"),
    Forgery("a listed file with a control character", _listed("a\x07"), "record-damaged"),
    Forgery("a listed file with a backslash", _listed("a\\b"), "record-damaged"),
    Forgery(
        "an infinite number",
        lambda run: run.replace_text(b'"seconds": 6.25', b'"seconds": 1e400'),
        "record-damaged",
    ),
    Forgery(
        "half a character",
        lambda run: run.replace_text(b'"demo-run"', b'"demo\\ud800"'),
        "record-damaged",
    ),
    Forgery(
        "one key twice",
        lambda run: run.replace_text(b'"seconds": 6.25', b'"seconds": 6.25, "seconds": 1'),
        "record-damaged",
    ),
    Forgery(
        "deep nesting", lambda run: run.replace_text(b'"seconds": 6.25', _DEEP), "record-damaged"
    ),
    Forgery(
        "a number of 5,000 digits",
        lambda run: run.replace_text(b"6.25", b"9" * 5000),
        "record-damaged",
    ),
    Forgery(
        "a record of 5 MiB",
        lambda run: run.replace_text(b"6.25", b" " * (5 << 20) + b"1"),
        "file-irregular",
    ),
    Forgery(
        "another order of the keys",
        _record_in_another_order,
        "record-damaged",
    ),
    Forgery("a later schema", _record(schema_version=3), "record-from-future"),
    Forgery("a failed run", _record(status="failed"), "record-damaged"),
    Forgery(
        "a flipped byte of the record",
        lambda run: run.replace_text(b"6.25", b"6.24"),
        "record-damaged",
    ),
    Forgery(
        "a size that is none",
        lambda run: run.edit(lambda r: r["manifest"]["model.bin"].update(bytes=True)),
        "record-damaged",
    ),
    Forgery(
        "a section is missing",
        lambda run: run.edit(lambda r: r["outside"].pop("lock")),
        "record-damaged",
    ),
    Forgery(
        "`outside` is missing",
        lambda run: run.edit(lambda r: r.pop("outside")),
        "record-incomplete",
    ),
    Forgery("`image` is empty", _record(image={}), "record-incomplete"),
    Forgery("`manifest` is empty", _empty_manifest, "record-incomplete"),
    Forgery("`inputs` is empty", _record(inputs=[]), "record-incomplete"),
    Forgery("a job without a job", _outside(found_by="job"), "record-incomplete"),
    Forgery("the folder has another name", _rename, "run-misplaced"),
    Forgery("a copy beside the run", _copy, "run-claimed-twice"),
    Forgery("a file more", lambda run: (run.folder / "extra.py").write_bytes(b""), "file-unlisted"),
    Forgery(
        "a repository inside the run",
        lambda run: shutil.copytree(run.folder / "image", run.folder / "r.git"),
        "file-unlisted",
    ),
    Forgery(
        "a document more",
        lambda run: (run.folder / "image/note").write_bytes(b"x"),
        "file-unlisted",
    ),
    Forgery(
        "a second statement",
        _signed(lambda run: shutil.copy(run.folder / STATEMENT, run.folder / "p2.intoto.jsonl")),
        "file-unlisted",
    ),
    Forgery(
        "a file is taken off the list",
        lambda run: run.edit(lambda r: r["manifest"].pop("model.bin")),
        "file-unlisted",
    ),
    Forgery("a link in place of a file", _link("model.bin", ""), "file-irregular"),
    Forgery("a link in place of the documents", _link("image", ""), "file-irregular"),
    Forgery("a link in place of the record", _link("record.json", ""), "file-irregular"),
    Forgery("a link more", _link("etc", "/etc"), "file-irregular"),
    Forgery("a pipe in place of the statement", _pipe(STATEMENT), "file-irregular"),
    Forgery("a pipe in place of the Dockerfile", _pipe("image/Dockerfile"), "file-irregular"),
    Forgery("a pipe in place of a file", _pipe("model.bin"), "file-irregular"),
    Forgery(
        "a file is changed",
        lambda run: (run.folder / "model.bin").write_bytes(b"\x00MODEL"),
        "file-changed",
    ),
    Forgery("a file is gone", _without("model.bin", listed=True), "file-changed"),
    Forgery("a declared output is gone", _without("model.bin", listed=False), "output-absent"),
    Forgery("a declared output is empty", lambda run: run.write("model.bin", b""), "output-absent"),
    Forgery(
        "the data is changed",
        lambda run: (run.made.project.root / "sales.csv").write_bytes(b"x"),
        "data-changed",
    ),
    Forgery("another lock", _other_lock, "document-changed"),
    Forgery(
        "a Dockerfile with a line more",
        lambda run: run.replace_document(
            "Dockerfile", "dockerfile", (run.folder / "image/Dockerfile").read_bytes() + b"RUN x\n"
        ),
        "document-changed",
    ),
    Forgery(
        "the container knew another lock",
        lambda run: run.edit(lambda r: r["image"].update(lock_sha256="0" * 64)),
        "document-changed",
    ),
    Forgery("another base", _other_base, "document-changed"),
    Forgery("a layer is changed", _damaged_layer, "image-changed"),
    Forgery("a job with another image", _job(DIGEST), "job-contradicts"),
    Forgery("a job with other data", _job(**{"hakobune.data.input": "0" * 64}), "job-contradicts"),
    Forgery("a job with a tag of two lines", _job(note="a\nb"), "record-damaged"),
    Forgery("a key without a statement", _signed(_cut(STATEMENT)), "signature-invalid"),
    Forgery("a statement without a key", _signed(_cut(PUBLIC_KEY)), "signature-invalid"),
    Forgery("another key beside the statement", _beside_is_theirs, "signature-invalid"),
    Forgery(
        "a signed run whose record is sealed again",
        _signed(_record(seconds=1.0)),
        "signature-invalid",
    ),
    Forgery(
        "a signed run whose files are sealed again",
        _signed(lambda run: run.write("model.bin", b"evil")),
        "signature-invalid",
    ),
    Forgery(
        "the statement of an earlier record", _signed(_statement_of_another), "signature-invalid"
    ),
    Forgery("text behind the statement", _signed(_appended), "signature-invalid"),
    Forgery(
        "a signed predicate with other arguments",
        lambda run: run.sign_other(arguments=("--order", "9,9,9")),
        "signature-invalid",
    ),
    Forgery(
        "a signed predicate of another run",
        lambda run: run.sign_other(run_id="other"),
        "signature-invalid",
    ),
    Forgery(
        "a signed predicate with other data",
        lambda run: run.sign_other(inputs=()),
        "signature-invalid",
    ),
    Forgery("signed by a key that `signers` lacks", _signed_by_them, "signer-unknown"),
    Forgery(
        "unsigned where `signers` is set",
        lambda run: run.require(key_id(OURS)),
        "signature-missing",
    ),
    Forgery("unsigned with --require-signature", _unsigned_where_required, "signature-missing"),
)

UNDETECTED = (
    Forgery(
        "another model, listed again", lambda run: run.write("model.bin", b"evil"), because=_SEALS
    ),
    Forgery(
        "better metrics, listed again",
        lambda run: run.write("metric.json", b'{"R2": 1.0}\n'),
        because=_SEALS,
    ),
    Forgery(
        "other arguments",
        _record(arguments=["--output", "runs/demo-run", "--order", "1,0,0"]),
        because=_SEALS,
    ),
    Forgery(
        "another time or processor",
        _record(started="2020-01-01T00:00:00Z", processor={"model": "x"}),
        because=_SEALS,
    ),
    Forgery(
        "the run of another, under its own name",
        _take_over,
        because="unsigned: run id and folder can be changed together",
    ),
    Forgery(
        "a clean checkout is called dirty",
        _outside(is_dirty=True),
        because="unsigned: only the image proves the source, and not the commit",
    ),
    Forgery(
        "a commit that no repository here has",
        _outside(commit="0" * 40),
        because="the commit is shown as not verifiable; fetch the repository's history to check it",
    ),
    Forgery(
        "other data, and the file is not here",
        _data_gone,
        because="the data is shown as not verifiable; put the file back to check it",
    ),
    Forgery(
        "a job that never ran",
        _job(),
        because="unsigned: what Azure ML reports is copied into the record when it is fetched",
    ),
    Forgery(
        "both files of the signature are removed",
        _signed(_cut(STATEMENT, PUBLIC_KEY)),
        because="it looks as if it never had one; `signers` or --require-signature refuses it",
    ),
    Forgery(
        "changed, and signed by anyone's key",
        _changed_and_signed,
        because="the key beside a run can be anyone's; --key or `signers` says whose counts",
    ),
    Forgery(
        "a lie of an accepted signer",
        _signed_lie,
        because="a signature names the signer; `hakobune reproduce model` repeats the run",
    ),
)
