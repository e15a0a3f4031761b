"""What an image lists of its packages, to a CycloneDX document. Pure: same image, same bytes.

https://cyclonedx.org/docs/1.6/json/
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from hakobune.model.image import Image
from hakobune.model.lock import (
    Lock,
    LockedConda,
    LockedDebian,
    LockedSdist,
    LockedWheel,
    unsupported,
)
from hakobune.model.spec import requirement_name

_LICENCES = LicenseFactory()
# A longer text in the field `License` is the licence itself and not its name.
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A package: `licences` are the names in its own files, empty where they name none.

    `expression` is a Python package's licence in SPDX's language, empty where it has none.
    """

    name: str
    version: str
    architecture: str
    licences: tuple[str, ...]
    expression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The packages of an image, and the name of its Debian release."""

    distribution: str
    debian: tuple[Part, ...]
    python: tuple[Part, ...]


def read_parts(text: str) -> Parts:
    """Return the parts. Raises ValueError where the text is not what `list_parts.py` prints."""
    try:
        found = json.loads(text)
        return Parts(
            distribution=str(found["distribution"]),
            debian=tuple(_read_debian(each) for each in found["debian"]),
            python=tuple(_read_python(each) for each in found["python"]),
        )
    except (KeyError, RecursionError, TypeError) as exc:
        raise ValueError(f"not a list of packages: {exc}") from exc


def _read_debian(found: dict[str, Any]) -> Part:
    return Part(
        name=str(found["name"]),
        version=str(found["version"]),
        architecture=str(found["architecture"]),
        licences=_texts(found["licences"]),
        expression="",
    )


def _read_python(found: dict[str, Any]) -> Part:
    return Part(
        name=str(found["name"]),
        version=str(found["version"]),
        architecture="",
        licences=_names_of_licences(str(found["licence"]), _texts(found["classifiers"])),
        expression=str(found["expression"]),
    )


def _texts(found: object) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise TypeError(f"{str(found)[:80]!r} is not a list of texts")
    return tuple(found)


def _names_of_licences(field: str, classifiers: tuple[str, ...]) -> tuple[str, ...]:
    """Return the name in the field `License`, else the names in the classifiers."""
    name = field.strip()
    if name and "\n" not in name and len(name) <= _LONGEST_NAME and name.upper() != "UNKNOWN":
        return (name,)
    names = {text.split(" :: ")[-1] for text in classifiers}
    return tuple(sorted(names - {"OSI Approved"}))


def write_sbom(image: Image, lock: Lock, parts: Parts) -> bytes:
    """Return the document; it has no clock, and its serial number follows from the image's id."""
    root = _image(image, lock)
    locked = _locked_files(image, lock)
    components = [
        _base(image.base),
        *(_debian(part, parts.distribution, locked) for part in parts.debian),
        *(_python(part, locked) for part in parts.python),
    ]
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"oci:{image.id}"), components=components
    )
    bom.metadata.component = root
    # The library puts the clock there; the schema asks for no time.
    bom.metadata.timestamp = None  # type: ignore[assignment]
    bom.register_dependency(root, components)
    text = JsonV1Dot6(bom).output_as_string(indent=2)
    return f"{text}\n".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class _LockedFiles:
    """The sha256 of the files that packages were installed from: of Python's by name alone."""

    python: Mapping[str, str]
    debian: Mapping[tuple[str, str], str]


def _locked_files(image: Image, lock: Lock) -> _LockedFiles:
    """Return the lock's files. Raises PackageKindUnsupportedError for a conda package.

    An image's list has no conda packages, so the document would be incomplete.
    """
    # The lock does not have the packages of a registry's base.
    is_ours = image.base.startswith("hakobune-base:") and lock.debian_base is not None
    packages = lock.debian_base.packages if is_ours and lock.debian_base else ()
    python: dict[str, str] = {}
    debian = {(package.name, package.version): package.sha256 for package in packages}
    for package in lock.packages:
        match package:
            case LockedWheel() | LockedSdist():
                python[package.name] = package.sha256
            case LockedDebian():
                debian[package.name, package.version] = package.sha256
            case LockedConda():
                raise unsupported(package, "list in the SBOM")
            case _:
                assert_never(package)
    return _LockedFiles(python=python, debian=debian)


def _image(image: Image, lock: Lock) -> Component:
    digest = image.id.removeprefix("sha256:")
    facts = {
        "hakobune:environment.sha256": lock.environment_sha256,
        "hakobune:lock.sha256": image.lock_sha256,
        "hakobune:source.sha256": image.source_sha256,
    }
    purl = PackageURL(type="oci", name=lock.environment.lower(), version=image.id)
    return Component(
        type=ComponentType.CONTAINER,
        name=lock.environment,
        version=image.id,
        bom_ref=purl.to_string(),
        purl=purl,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
        properties=[Property(name=name, value=value) for name, value in facts.items()],
    )


def _base(base: str) -> Component:
    name, at, version = base.partition("@")
    if not at:
        name, _, version = base.rpartition(":")
    purl = PackageURL(type="oci", name=name.rpartition("/")[2], version=version) if at else None
    return Component(
        type=ComponentType.CONTAINER,
        name=name,
        version=version,
        bom_ref=purl.to_string() if purl else base,
        purl=purl,
        description="the base image",
    )


def _debian(part: Part, distribution: str, locked: _LockedFiles) -> Component:
    qualifiers = {"arch": part.architecture, "distro": distribution}
    purl = PackageURL(
        type="deb",
        namespace="debian",
        name=part.name,
        version=part.version,
        qualifiers={key: value for key, value in qualifiers.items() if value},
    )
    return _package(part, purl, locked.debian.get((part.name, part.version)))


def _python(part: Part, locked: _LockedFiles) -> Component:
    name = requirement_name(part.name)
    purl = PackageURL(type="pypi", name=name, version=part.version)
    return _package(part, purl, locked.python.get(name))


def _package(part: Part, purl: PackageURL, sha256: str | None) -> Component:
    return Component(
        type=ComponentType.LIBRARY,
        name=part.name,
        version=part.version,
        bom_ref=purl.to_string(),
        purl=purl,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256)] if sha256 else (),
        licenses=_licences(part),
    )


def _licences(part: Part) -> list[License]:
    """Return what the package says; an identifier where its words are one of SPDX."""
    if part.expression:
        return [_LICENCES.make_from_string(part.expression)]
    if len(part.licences) == 1:
        return [_LICENCES.make_from_string(part.licences[0])]
    # Several of them are no expression: nothing says whether they hold together or in turn.
    return [_LICENCES.make_with_name(name) for name in part.licences]
