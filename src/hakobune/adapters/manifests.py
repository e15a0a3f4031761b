"""Manifests that we write into a registry ourselves, with the docker program's logins.

An image's own manifest in another form, and artifacts that refer to an image (OCI distribution and
image specification 1.1):
https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests-with-subject
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import oras.client
import requests

from hakobune.errors import PushFailedError, RegistryRefusedError, RegistryUnreachableError

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
_EMPTY = b"{}"
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"


def put(tagged: str, manifest: bytes) -> None:
    """Let the tag name this manifest, whose configuration and layers the registry has.

    Raises RegistryRefusedError, RegistryUnreachableError or PushFailedError.
    """
    host = tagged.partition("/")[0]
    client = oras.client.OrasClient(insecure=_is_loopback(host))
    container = client.get_container(tagged)
    kind = str(json.loads(manifest)["mediaType"])
    with _translated(host):
        client.auth.load_configs(container)
        _put(client, container, container.tag, manifest, kind)


def attach(repository: str, subject: bytes, content: bytes, *, media_type: str, name: str) -> str:
    """Push the content as an artifact that refers to the image of this manifest; return its digest.

    The same content again gives the same digest and changes nothing. Raises RegistryRefusedError,
    RegistryUnreachableError or PushFailedError.
    """
    host = repository.partition("/")[0]
    client = oras.client.OrasClient(insecure=_is_loopback(host))
    container = client.get_container(f"{repository}:{_referrers_tag(subject)}")
    manifest = _written(_manifest(subject, content, media_type, name))
    with _translated(host):
        client.auth.load_configs(container)
        for blob, kind in ((content, media_type), (_EMPTY, _EMPTY_TYPE)):
            with tempfile.NamedTemporaryFile() as file:
                Path(file.name).write_bytes(blob)
                _checked(client.upload_blob(file.name, container, _descriptor(blob, kind)), host)
        answer = _put(client, container, _digest(manifest), manifest, MANIFEST)
        # A registry of the specification's version 1.1 says that it keeps the list itself.
        if "OCI-Subject" not in answer.headers:
            _list_under_tag(client, container, manifest, media_type)
    return _digest(manifest)


@contextmanager
def _translated(host: str) -> Iterator[None]:
    """Raise our errors for those of the library."""
    try:
        yield
    except requests.RequestException as exc:
        raise RegistryUnreachableError(
            f"{host} does not answer: {exc}", remedy="is the registry's name right?"
        ) from exc
    except ValueError as exc:  # what the library raises for a login that it has not
        raise RegistryRefusedError(f"{host} refuses: {exc}", remedy=f"docker login {host}") from exc


def _manifest(subject: bytes, content: bytes, media_type: str, name: str) -> dict[str, Any]:
    layer = _descriptor(content, media_type)
    kind = str(json.loads(subject).get("mediaType", MANIFEST))
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": media_type,
        "config": _descriptor(_EMPTY, _EMPTY_TYPE),
        "layers": [{**layer, "annotations": {"org.opencontainers.image.title": name}}],
        "subject": _descriptor(subject, kind),
    }


def _list_under_tag(client: Any, container: Any, manifest: bytes, media_type: str) -> None:  # noqa: ANN401 - oras has no types
    """Add the artifact to the list that older registries keep under a tag of the image's digest."""
    entry = {**_descriptor(manifest, MANIFEST), "artifactType": media_type}
    others = [e for e in _listed(client, container) if e["digest"] != entry["digest"]]
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [*others, entry]}
    _put(client, container, container.tag, _written(index), INDEX)


def _listed(client: Any, container: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - oras has no types
    answer = client.do_request(
        _url(client, container, container.tag), "GET", headers={"Accept": INDEX}
    )
    if answer.status_code == requests.codes.not_found:
        return []
    found: list[dict[str, Any]] = _checked(answer, container.registry).json().get("manifests", [])
    return found


def _put(client: Any, container: Any, reference: str, content: bytes, kind: str) -> Any:  # noqa: ANN401 - oras has no types
    url = _url(client, container, reference)
    answer = client.do_request(url, "PUT", data=content, headers={"Content-Type": kind})
    return _checked(answer, container.registry)


def _url(client: Any, container: Any, reference: str) -> str:  # noqa: ANN401 - oras has no types
    base = f"{client.prefix}://{container.registry}/v2/{container.api_prefix}"
    return f"{base}/manifests/{reference}"


def _checked(answer: Any, host: str) -> Any:  # noqa: ANN401 - oras has no types
    if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
        raise RegistryRefusedError(
            f"{host} refuses: {answer.status_code} {answer.reason}", remedy=f"docker login {host}"
        )
    if not answer.ok:
        said = " ".join(answer.text.split())[:200]
        raise PushFailedError(
            f"{host}: {answer.status_code} {said}",
            remedy="run the command again; nothing that it refers to was changed",
        )
    return answer


def _descriptor(content: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _referrers_tag(subject: bytes) -> str:
    """Return the tag of the list: the digest, with a dash (the specification's tag schema)."""
    return _digest(subject).replace(":", "-")


def _written(values: dict[str, Any]) -> bytes:
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode()


def _is_loopback(host: str) -> bool:
    """Tell whether the registry may be asked without TLS, by the docker program's own rule."""
    return re.fullmatch(r"(localhost|127(\.\d+){3})(:\d+)?", host) is not None
