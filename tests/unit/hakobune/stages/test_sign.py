"""Signed runs: what a signature covers, and each way in which it does not hold."""

import base64
import hashlib
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from hakobune.adapters import registry, signing
from hakobune.adapters.process import Completed
from hakobune.errors import (
    CloudUnknownError,
    ConfigurationInvalidError,
    DestinationIncompleteError,
    DigestMismatchError,
    DigestMissingError,
    FileChangedError,
    HakobuneError,
    KeyUnusableError,
    NameInvalidError,
    RecordDamagedError,
    SignatureInvalidError,
    SignatureMissingError,
    SignerUnknownError,
)
from hakobune.model.destination import Rehearsal
from hakobune.model.link import Link
from hakobune.model.record import PUBLIC_KEY, STATEMENT, JobFacts
from hakobune.oci import referrers
from hakobune.stages.check_signature import Demand, check_signature
from hakobune.stages.record import read_run_record, require_outside
from hakobune.stages.sign import MEDIA_TYPE, attach, pushed_place, sign
from hakobune.transform.provenance import PAYLOAD_TYPE
from hakobune.transform.write_record import completed as completed_record
from hakobune.transform.write_record import sealed
from tests.cloud_samples import make_patience
from tests.run_samples import Made, make_run
from tests.samples import FakeReporter, FakeRunner, completed
from tests.saved_images import CONFIG, manifest_of

KEY = ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER = ed25519.Ed25519PrivateKey.from_private_bytes(b"o" * 32)


def private(path: Path, key: ed25519.Ed25519PrivateKey = KEY) -> Path:
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def public(path: Path, key: ed25519.Ed25519PrivateKey = KEY) -> Path:
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    path.write_bytes(pem)
    return path


@pytest.fixture
def made(tmp_path: Path) -> Made:
    made = make_run(tmp_path)
    sign(made.folder, private(tmp_path / "key.pem"), FakeReporter())
    return made


def check(made: Made, key: Path | None = None) -> str:
    return link(made, key).what


def link(made: Made, key: Path | None = None, **other: bool) -> Link:
    record = read_run_record(made.folder)
    return check_signature(made.project, made.folder, record, Demand(key=key, **other))


def test_the_statement_names_every_file_and_what_the_run_was_made_of(made: Made) -> None:
    (line,) = (made.folder / STATEMENT).read_text(encoding="utf-8").splitlines()
    envelope = json.loads(line)
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    statement = json.loads(base64.b64decode(envelope["payload"]))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert {s["name"] for s in statement["subject"]} == {"model.bin", "metric.json", "record.json"}
    build = statement["predicate"]["buildDefinition"]
    digests = {d["name"]: d.get("digest") for d in build["resolvedDependencies"]}
    assert digests["image"] == {"sha256": made.image.id.removeprefix("sha256:")}
    assert {"environments/demo.lock", "src/demo", "input input", "git", "base"} <= set(digests)
    assert statement["predicate"]["runDetails"]["metadata"]["invocationId"] == "demo-run"


def test_a_signature_holds_with_its_key_and_without_one(made: Made, tmp_path: Path) -> None:
    beside, named = link(made), link(made, public(tmp_path / "key.pub"))
    assert ("the key beside it" in beside.what, beside.is_seen) == (True, False)
    assert ("key.pub" in named.what, named.is_seen) == (True, True)


def test_signing_again_gives_the_same_bytes(made: Made, tmp_path: Path) -> None:
    before = (made.folder / STATEMENT).read_bytes()
    sign(made.folder, tmp_path / "key.pem", FakeReporter())
    assert (made.folder / STATEMENT).read_bytes() == before


@pytest.mark.parametrize("name", ["model.bin", "metric.json"])
def test_a_run_that_is_not_what_its_record_says_is_not_signed(
    made: Made, tmp_path: Path, name: str
) -> None:
    before = (made.folder / STATEMENT).read_bytes()
    (made.folder / name).write_bytes(b"another")
    with pytest.raises(FileChangedError, match=name):
        sign(made.folder, tmp_path / "key.pem", FakeReporter())
    assert (made.folder / STATEMENT).read_bytes() == before


def test_a_signature_that_is_replaced_is_told(made: Made, tmp_path: Path) -> None:
    reporter = FakeReporter()
    sign(made.folder, private(tmp_path / "other.pem", OTHER), reporter)
    assert reporter.said == ["the earlier signature is replaced"]


def test_a_time_that_is_none_is_not_signed(made: Made, tmp_path: Path) -> None:
    values = json.loads((made.folder / "record.json").read_bytes())
    (made.folder / "record.json").write_bytes(sealed({**values, "started": "x"}))
    with pytest.raises(RecordDamagedError, match=r"record\.json"):
        sign(made.folder, tmp_path / "key.pem", FakeReporter())


@pytest.mark.parametrize("name", [STATEMENT, PUBLIC_KEY])
def test_half_of_a_signature_is_none_whatever_is_asked_for(
    made: Made, tmp_path: Path, name: str
) -> None:
    (made.folder / name).unlink()
    for key in (None, public(tmp_path / "key.pub")):
        with pytest.raises(SignatureInvalidError, match=f"no {name}"):
            check(made, key)


def test_another_s_key_is_not_taken(made: Made, tmp_path: Path) -> None:
    with pytest.raises(SignatureInvalidError, match=r"other\.pub"):
        check(made, public(tmp_path / "other.pub", OTHER))


def test_a_record_that_was_written_anew_is_not_the_signed_one(made: Made) -> None:
    values = json.loads((made.folder / "record.json").read_bytes())
    (made.folder / "record.json").write_bytes(sealed({**values, "seconds": 1.0}))
    with pytest.raises(SignatureInvalidError, match="other files"):
        check(made)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: json.dumps({**s, "predicateType": "urn:other"}), "its predicate is urn:other"),
        (lambda s: json.dumps({**s, "more": 1}), "not an in-toto statement"),
        (lambda s: json.dumps({**s, "subject": []}), "At least one subject"),
        (lambda _: "no JSON", "not an in-toto statement"),
        (lambda _: "[" * 100_000, "not an in-toto statement"),
        (lambda _: "null", "not an in-toto statement"),
    ],
)
def test_a_signed_envelope_of_another_kind_is_told(
    made: Made, tmp_path: Path, change: Callable[[dict[str, Any]], str], said: str
) -> None:
    envelope = json.loads((made.folder / STATEMENT).read_bytes())
    payload = change(json.loads(base64.b64decode(envelope["payload"]))).encode()
    signed = signing.sign(
        payload, payload_type=PAYLOAD_TYPE, key=(tmp_path / "key.pem").read_bytes(), place="key"
    )
    (made.folder / STATEMENT).write_bytes(signed.envelope)
    with pytest.raises(SignatureInvalidError, match=said):
        check(made)


@pytest.mark.parametrize("name", [STATEMENT, PUBLIC_KEY])
def test_each_flipped_bit_of_signature_and_key_is_seen(made: Made, name: str) -> None:
    content = (made.folder / name).read_bytes()
    rng = random.Random(3)
    for _ in range(150):
        flipped = bytearray(content)
        flipped[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        (made.folder / name).write_bytes(flipped)
        with pytest.raises(HakobuneError) as caught:
            check(made)
        assert isinstance(caught.value, SignatureInvalidError | KeyUnusableError)


def test_an_unsigned_run_breaks_only_where_a_key_is_asked_for(made: Made, tmp_path: Path) -> None:
    (made.folder / STATEMENT).unlink()
    (made.folder / PUBLIC_KEY).unlink()
    assert check(made) == "unsigned"
    with pytest.raises(SignatureMissingError, match="is unsigned"):
        check(made, public(tmp_path / "key.pub"))
    with pytest.raises(SignatureMissingError, match="is unsigned"):
        link(made, is_required=True)
    with pytest.raises(SignatureMissingError, match="is unsigned"):
        check(replace(made, project=replace(made.project, signers=("0" * 32,))))


def test_a_project_s_signers_decide_whose_key_counts(made: Made) -> None:
    mine = signing.key_id((made.folder / PUBLIC_KEY).read_bytes(), place="key")
    (made.project.root / "keys").mkdir()
    public(made.project.root / "keys/mine.pub.pem")
    public(made.project.root / "keys/other.pub.pem", OTHER)

    def by(*signers: str) -> Link:
        return link(replace(made, project=replace(made.project, signers=signers)))

    for entry in (mine, mine[:32], "keys/mine.pub.pem"):
        assert by("0" * 64, entry).is_seen
    for entry in ("0" * 32, mine[:31] + "z", "keys/other.pub.pem"):
        with pytest.raises(SignerUnknownError, match="not in `signers`"):
            by(entry)
    with pytest.raises(ConfigurationInvalidError, match=r"gone\.pem: no such key file"):
        by("keys/gone.pem")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: p["buildDefinition"]["externalParameters"].update(arguments=["x"]), "predicate"),
        (lambda p: p["buildDefinition"].update(resolvedDependencies=[]), "predicate"),
        (lambda p: p["runDetails"]["metadata"].update(invocationId="other"), "predicate"),
    ],
)
def test_a_signed_predicate_that_differs_from_the_record_is_told(
    made: Made, tmp_path: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    envelope = json.loads((made.folder / STATEMENT).read_bytes())
    statement = json.loads(base64.b64decode(envelope["payload"]))
    change(statement["predicate"])
    signed = signing.sign(
        json.dumps(statement, sort_keys=True).encode(),
        payload_type=PAYLOAD_TYPE,
        key=(tmp_path / "key.pem").read_bytes(),
        place="key",
    )
    (made.folder / STATEMENT).write_bytes(signed.envelope)
    with pytest.raises(SignatureInvalidError, match=f"{said} differs from the record"):
        check(made)


def test_keys_that_cannot_sign_are_named(made: Made, tmp_path: Path) -> None:
    sealed_key = tmp_path / "sealed.pem"
    sealed_key.write_bytes(
        KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    )
    wrong = tmp_path / "x25519.pem"
    exchange = x25519.X25519PrivateKey.generate()
    wrong.write_bytes(exchange.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "text.pem").write_text("no key", encoding="utf-8")
    for name, said in (
        ("sealed.pem", "encrypted"),
        ("x25519.pem", "not an Ed25519 key"),
        ("text.pem", "not a private key"),
        ("gone.pem", "no such key file"),
    ):
        with pytest.raises(KeyUnusableError, match=said):
            sign(made.folder, tmp_path / name, FakeReporter())


def test_a_private_key_does_not_stand_for_the_public_one(made: Made, tmp_path: Path) -> None:
    with pytest.raises(KeyUnusableError, match="not a public key") as caught:
        check(made, tmp_path / "key.pem")
    assert "-pubout" in caught.value.remedy


CONFIGURATION = "sha256:" + "c0" * 32
MANIFEST = manifest_of({"mediaType": CONFIG, "digest": CONFIGURATION, "size": 1}).decode()
DIGEST = "sha256:" + hashlib.sha256(MANIFEST.encode()).hexdigest()


@pytest.fixture
def attached(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bytes]]:
    """Return where something was attached to, and to which manifest."""
    found: list[tuple[str, bytes]] = []

    def attach_to(
        repository: str, subject: bytes, content: bytes, *, media_type: str, name: str
    ) -> str:
        assert (media_type, name) == (MEDIA_TYPE, STATEMENT)
        found.append((repository, subject))
        return "sha256:" + "5" * 64

    monkeypatch.setattr(registry, "open_repository", lambda repository: repository)
    monkeypatch.setattr(referrers, "attach", attach_to)
    return found


def made_by(made: Made, image: str, reference: str = "", job: JobFacts | None = None) -> None:
    """Let the run's record name this image, and sign it."""
    record = read_run_record(made.folder)
    outside = replace(require_outside(record, made.folder), image=image, job=job)
    outside = replace(outside, reference=reference or outside.reference)
    (made.folder / "record.json").write_bytes(completed_record(record.values, outside))
    sign(made.folder, made.folder.parents[1] / "key.pem", FakeReporter())


def attach_all(made: Made, registry_name: str, runner: FakeRunner) -> str:
    place = pushed_place(made.project, made.folder, registry_name=registry_name)
    return attach(made.folder, place, runner, make_patience(), FakeReporter())


def has(place: str, manifest: str = MANIFEST) -> FakeRunner:
    """Return a machine whose registry has a manifest at this place and nothing else."""

    def answer(command: Sequence[str]) -> Completed | None:
        if "imagetools" not in command:
            return None
        if command[-1] == place:
            return completed(manifest)
        return completed(exit_code=1, stderr=f"ERROR: {command[-1]}: not found")

    return FakeRunner([answer])


@pytest.mark.parametrize("image", [DIGEST, CONFIGURATION])
def test_a_statement_is_attached_to_the_manifest_that_was_pushed(
    made: Made, attached: list[tuple[str, bytes]], image: str
) -> None:
    """The classic store knows an image by its configuration, the newer by its manifest."""
    made_by(made, image)
    runner = has(f"r.example/demo:{image[7:39]}")
    assert attach_all(made, "r.example", runner) == f"r.example/demo@sha256:{'5' * 64}"
    assert attached == [("r.example/demo", MANIFEST.encode())]
    with pytest.raises(DigestMissingError, match=r"other\.example/demo"):
        attach_all(made, "other.example", runner)


def test_nothing_is_attached_to_another_image_under_the_tag(
    made: Made, attached: list[tuple[str, bytes]]
) -> None:
    made_by(made, CONFIGURATION)
    for manifest in (MANIFEST.replace("c0", "d0"), "no JSON", MANIFEST.replace(CONFIG, "x")):
        other = has(f"r.example/demo:{CONFIGURATION[7:39]}", manifest)
        with pytest.raises(DigestMismatchError, match=CONFIGURATION):
            attach_all(made, "r.example", other)
    assert attached == []


def test_a_job_s_run_names_its_repository_and_needs_no_fresh_lock(
    made: Made, attached: list[tuple[str, bytes]]
) -> None:
    reference = f"127.0.0.1:5000/team/demo@{DIGEST}"
    made_by(made, DIGEST, reference, JobFacts(name="j", environment="e:1", image="i", tags={}))
    made.project.environment_path.write_text("name: moved\n", encoding="utf-8")
    said = attach_all(made, "", has(reference))
    assert said == f"127.0.0.1:5000/team/demo@sha256:{'5' * 64}"
    assert attached == [("127.0.0.1:5000/team/demo", MANIFEST.encode())]


def test_a_rehearsal_attaches_nothing_to_an_image_in_another_registry(made: Made) -> None:
    reference = f"mine.azurecr.io/team/demo@{DIGEST}"
    made_by(made, DIGEST, reference, JobFacts(name="j", environment="e:1", image="i", tags={}))
    ours = Rehearsal(
        address="https://127.0.0.1:1",
        ca_bundle=Path("ca.pem"),
        registry="127.0.0.1:5000",
        variables=(),
    )
    with pytest.raises(CloudUnknownError, match=r"not mine\.azurecr\.io"):
        pushed_place(made.project, made.folder, registry_name=ours.registry, rehearsal=ours)


def test_a_registry_must_be_named_for_a_run_of_no_job(made: Made) -> None:
    with pytest.raises(DestinationIncompleteError) as caught:
        pushed_place(made.project, made.folder, registry_name="")
    assert "--registry" in caught.value.remedy
    with pytest.raises(NameInvalidError):
        pushed_place(made.project, made.folder, registry_name="https://r.example")
