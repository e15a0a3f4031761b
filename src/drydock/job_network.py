"""A node's network: a loopback of its own with two names that lead to drydock, and no way out.

A second container owns that network and forwards connections; the node's container joins it. The
nodes of one job have an interface to each other, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from drydock.engine import ContainerPlan, Mount
from drydock.job_folder import job_root

API, BLOBS = "api", "blobs"  # names of sockets
_ADDRESSES = {API: "127.0.0.3", BLOBS: "127.0.0.2"}
_SOCKETS = "/sockets"
_PROGRAM = Path(__file__).with_name("forwarder_program.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobNetwork:
    """The settings of a job's network.

    `hosts` maps each socket in the folder `sockets` to the host name that a job uses; `authority`
    is the certificate authority of these hosts; `image` is an image with Python.
    """

    image: str
    user: str
    sockets: Path
    authority: Path
    hosts: Mapping[str, str]

    def plan(self, labels: Mapping[str, str], *, network: str = "none") -> ContainerPlan:
        """Return the container that owns a node's network; `network` leads to the other nodes."""
        return ContainerPlan(
            labels=labels,
            network=network,
            image=self.image,
            entrypoint=("python3", "-c", _PROGRAM.read_text(encoding="utf-8")),
            command=tuple(f"{_ADDRESSES[name]}={_SOCKETS}/{name}" for name in self.hosts),
            user=self.user,
            mounts=(Mount(source=str(self.sockets), target=_SOCKETS),),
            hosts={host: _ADDRESSES[name] for name, host in self.hosts.items()},
        )

    def authority_path(self, job: str) -> str:
        """Return the path of the certificate in a job's container."""
        return f"{job_root(job)}/cap/tls/ca.pem"

    def variables(self, job: str) -> dict[str, str]:
        """Return the variables that make a job's programs trust drydock, as a node sets them."""
        path = self.authority_path(job)
        return {"REQUESTS_CA_BUNDLE": path, "SSL_CERT_FILE": path, "CURL_CA_BUNDLE": path}
