"""From what an image tells to a document that the library's own validator takes."""

import json
from dataclasses import replace
from typing import Any

import pytest

from hakobune.model.image import Image
from hakobune.model.lock import Lock
from hakobune.transform.sbom import Part, Parts, read_parts, write_sbom
from tests.samples import DIGEST, make_lock

IMAGE = Image(
    tag="demo:local",
    id=DIGEST,
    base="hakobune-base:trixie-0123456789ab",
    size_bytes=1,
    environment_sha256="e" * 64,
    lock_sha256="d" * 64,
    source_sha256="f" * 64,
)


def part(name: str, version: str, *licences: str, arch: str = "", expression: str = "") -> Part:
    return Part(
        name=name, version=version, architecture=arch, licences=licences, expression=expression
    )


PARTS = Parts(
    distribution="trixie",
    debian=(
        part("python3", "3.13.5-1", arch="amd64"),
        part("dash", "0.5", "BSD-3-clause", "GPL-2+", arch="amd64"),
    ),
    python=(part("six", "1.17.0", "MIT"), part("Other_One", "2", expression="MIT OR Apache-2.0")),
)


def document(image: Image = IMAGE, parts: Parts = PARTS, lock: Lock | None = None) -> Any:
    # A second of imports, for these tests alone.
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    content = write_sbom(image, lock or make_lock(), parts)
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(content.decode())
    assert problem is None, problem
    return json.loads(content)


def component(name: str, **given: Any) -> Any:
    (found,) = [each for each in document(**given)["components"] if each["name"] == name]
    return found


def test_the_document_names_the_image_by_its_digest() -> None:
    root = document()["metadata"]["component"]
    assert root["hashes"] == [{"alg": "SHA-256", "content": DIGEST.removeprefix("sha256:")}]
    assert root["purl"] == f"pkg:oci/demo@{DIGEST}"
    assert {p["name"]: p["value"] for p in root["properties"]} == {
        "hakobune:environment.sha256": make_lock().environment_sha256,
        "hakobune:lock.sha256": "d" * 64,
        "hakobune:source.sha256": "f" * 64,
    }


def test_the_same_image_gives_the_same_bytes_and_another_another_serial_number() -> None:
    turned = replace(PARTS, python=PARTS.python[::-1], debian=PARTS.debian[::-1])
    assert write_sbom(IMAGE, make_lock(), PARTS) == write_sbom(IMAGE, make_lock(), turned)
    assert "timestamp" not in document()["metadata"]
    other = replace(IMAGE, id="sha256:" + "b2" * 32)
    assert document(other)["serialNumber"] != document()["serialNumber"]


def test_packages_have_the_locked_file_s_hash_and_their_purl() -> None:
    lock = make_lock()
    six, debian = component("six"), component("python3")
    assert six["purl"] == "pkg:pypi/six@1.17.0"
    assert six["hashes"] == [{"alg": "SHA-256", "content": lock.packages[0].sha256}]
    assert debian["purl"] == "pkg:deb/debian/python3@3.13.5-1?arch=amd64&distro=trixie"
    assert debian["hashes"] == [{"alg": "SHA-256", "content": "c" * 64}]
    assert component("Other_One")["purl"] == "pkg:pypi/other-one@2"
    assert "hashes" not in component("dash"), "a version that the lock does not name"


def test_of_a_registry_s_base_no_package_file_is_claimed() -> None:
    image = replace(IMAGE, base=f"docker.io/library/python@{DIGEST}")
    assert "hashes" not in component("python3", image=image)
    base = component("docker.io/library/python", image=image)
    assert base["purl"] == f"pkg:oci/python@{DIGEST}"


def test_licences_are_what_the_package_says_and_absent_where_it_says_nothing() -> None:
    assert component("six")["licenses"] == [{"license": {"id": "MIT"}}]
    assert component("Other_One")["licenses"] == [{"expression": "MIT OR Apache-2.0"}]
    names = [each["license"]["name"] for each in component("dash")["licenses"]]
    assert names == ["BSD-3-clause", "GPL-2+"]
    assert "licenses" not in component("python3")


def test_everything_in_the_image_hangs_on_the_image() -> None:
    found = document()
    root = found["metadata"]["component"]["bom-ref"]
    (edges,) = [each["dependsOn"] for each in found["dependencies"] if each["ref"] == root]
    assert set(edges) == {each["bom-ref"] for each in found["components"]}
    assert len(edges) == 5


@pytest.mark.parametrize(
    ("field", "classifiers", "licences"),
    [
        ("MIT", ["License :: OSI Approved :: BSD License"], ("MIT",)),
        ("", ["License :: OSI Approved :: BSD License"], ("BSD License",)),
        ("UNKNOWN", ["License :: OSI Approved"], ()),
        ("Copyright 2020\nAll of it\n", ["License :: OSI Approved :: X"], ("X",)),
        ("a sentence that goes on " * 9, [], ()),
    ],
)
def test_the_field_comes_before_the_classifiers_unless_it_is_a_text(
    field: str, classifiers: list[str], licences: tuple[str, ...]
) -> None:
    said = {"name": "x", "version": "1", "expression": "", "licence": field}
    text = json.dumps(
        {"distribution": "", "debian": [], "python": [{**said, "classifiers": classifiers}]}
    )
    assert read_parts(text).python[0].licences == licences


PACKAGE = {"name": "x", "version": "1", "architecture": "all", "expression": "", "licence": ""}


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", "[" * 100_000, '{"distribution": "", "debian": [{}]}'),
        json.dumps({"distribution": "", "debian": [{**PACKAGE, "licences": "MIT"}], "python": []}),
        json.dumps({"distribution": "", "debian": [], "python": [{**PACKAGE, "classifiers": [1]}]}),
    ],
)
def test_another_program_s_words_are_no_list_of_parts(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_parts(text)
