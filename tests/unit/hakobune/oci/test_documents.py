import hashlib
import json

import pytest

from hakobune.oci.documents import in_builders_form

BUILT = """\
{
  "schemaVersion": 2,
  "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
  "config": {
    "mediaType": "application/vnd.docker.container.image.v1+json",
    "digest": "sha256:aa",
    "size": 65
  },
  "layers": [
    {
      "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
      "digest": "sha256:bb",
      "size": 35
    }
  ]
}"""


@pytest.mark.parametrize("indent", [None, 2, 3])
def test_every_way_to_write_a_manifest_gives_the_builder_s(indent: int | None) -> None:
    values = json.loads(BUILT)
    values["config"] = dict(sorted(values["config"].items(), reverse=True))
    pushed = json.dumps(dict(sorted(values.items())), indent=indent).encode()
    assert in_builders_form(pushed) == BUILT.encode()
    assert in_builders_form(BUILT.encode()) == BUILT.encode()


@pytest.mark.parametrize("place", ["", "config", "layers"])
def test_what_the_builder_does_not_write_is_left_as_it_is(place: str) -> None:
    values = json.loads(BUILT)
    part = values[place] if place else values
    (part[0] if isinstance(part, list) else part)["annotations"] = {"a": "b"}
    content = json.dumps(values, indent=3).encode()
    assert in_builders_form(content) == content


def test_a_manifest_list_is_left_as_it_is() -> None:
    content = json.dumps({"schemaVersion": 2, "manifests": []}).encode()
    assert hashlib.sha256(in_builders_form(content)).digest() == hashlib.sha256(content).digest()
