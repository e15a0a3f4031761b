"""The table of circumstances to a docker-compose.yml for another project. No I/O."""

import json
from dataclasses import replace
from typing import Any

import yaml

from hakobune.model.project import Project
from hakobune.model.sandbox import AS_OWNER, SANDBOXES, TRAIN
from hakobune.transform.names import readable_tag
from hakobune.transform.render_dockerfile import SOURCE_DATE_EPOCH

_HEAD = """\
# Written by `hakobune compose`: the container of `hakobune train`, for plain `docker compose run`.
# HAKOBUNE_MEMORY and HAKOBUNE_CPUS set its limits. The program reads files from ./data and writes
# to ./runs/.incoming; the next hakobune command checks each run there and moves it to ./runs.
"""
_SECRETS = {
    "ca_bundle": {"file": "${HAKOBUNE_CA_BUNDLE:-/dev/null}"},
    "pip_conf": {"file": "${HAKOBUNE_PIP_CONF:-/dev/null}"},
    "extra_index_url": {"environment": "HAKOBUNE_EXTRA_INDEX_URL"},
}


def render_compose(project: Project, *, environment: str) -> bytes:
    """Return docker-compose.yml for the image of the environment of this name."""
    build = {
        "context": ".",
        "dockerfile": project.dockerfile,
        # An empty value is read from the environment.
        "args": {"SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH), "HAKOBUNE_BASE": None},
        "secrets": list(_SECRETS),
    }
    sandbox = replace(SANDBOXES[TRAIN], gpus=project.gpus).compose_service()
    services = {}
    for name, program in project.services:
        entry = ["/bin/sh", "-c", AS_OWNER, name, *program]
        services[name] = {
            "image": readable_tag(environment),
            "platform": "linux/amd64",
            # Only the first one is started by a plain `docker compose up`.
            **({} if name == project.service else {"profiles": [name]}),
            "build": build,
            "entrypoint": [word.replace("$", "$$") for word in entry],
            "command": [],
            "environment": {"HAKOBUNE_RUN_ID": None},
            **sandbox,
        }
    whole = {"name": environment, "services": services, "secrets": _SECRETS}
    return (_HEAD + _yaml(whole)).encode()


def _yaml(value: dict[str, Any]) -> str:
    # Through JSON, so that nothing is the same object twice: YAML would write an anchor for it.
    plain = json.loads(json.dumps(value))
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)
