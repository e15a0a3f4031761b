"""A job's network: its own loopback, and on it two names that lead to drydock. No way leads out.

A container of its own holds that network and forwards; the job's container joins it.
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
    """What it is made of.

    `hosts` are the names by which a job calls the sockets in the folder `sockets`; `authority` is
    the certificate that vouches for them; `image` is one with Python.
    """

    image: str
    user: str
    sockets: Path
    authority: Path
    hosts: Mapping[str, str]

    def plan(self, labels: Mapping[str, str]) -> ContainerPlan:
        """Return the container that holds a job's network."""
        return ContainerPlan(
            labels=labels,
            image=self.image,
            entrypoint=("python3", "-c", _PROGRAM.read_text(encoding="utf-8")),
            command=tuple(f"{_ADDRESSES[name]}={_SOCKETS}/{name}" for name in self.hosts),
            user=self.user,
            mounts=(Mount(source=str(self.sockets), target=_SOCKETS),),
            hosts={host: _ADDRESSES[name] for name, host in self.hosts.items()},
        )

    def authority_path(self, job: str) -> str:
        """Return where the certificate lies in a job's container."""
        return f"{job_root(job)}/cap/tls/ca.pem"

    def variables(self, job: str) -> dict[str, str]:
        """Return the variables by which a job's programs trust drydock, as a node sets them."""
        path = self.authority_path(job)
        return {"REQUESTS_CA_BUNDLE": path, "SSL_CERT_FILE": path, "CURL_CA_BUNDLE": path}
