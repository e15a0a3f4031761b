"""The table of circumstances: what each container may use, and what it sees of this machine.

`docker run`, job.yml and other projects' compose files are rendered from it; a test compares this
repository's docker-compose.yml with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hakobune.errors import ConfigurationInvalidError
from hakobune.model.forms import FORMS, is_of, shortened

# Where programs put temporary files; compilers load what they made from there.
TMP = "/tmp"  # noqa: S108 - in the container
WORKSPACE = "/workspace"
# A user that no image knows, as a cluster may choose one.
ANY_USER = "54321:54321"
# The container starts as root only to become the owner of `runs`, and drops every capability before
# that: docker has no portable way to name the caller (docs/decisions/0004).
AS_OWNER = (
    'exec setpriv --reuid "$(stat -c %u runs)" --regid "$(stat -c %g runs)" --clear-groups '
    '--inh-caps=-all --bounding-set=-all --no-new-privs "$@"'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """One row of the table. What is empty or 0 is left to the engine or to the service.

    Sizes are as docker writes them. `capabilities` are those that the container starts with;
    `AS_OWNER` drops them before the program starts. `mounts` are the folders of the project that
    the container sees, by their place below `/workspace`; `writable` are those of them that it may
    write to. `gpus` is `all` or empty.
    """

    user: str = ""
    network: str = ""
    is_read_only: bool = False
    capabilities: tuple[str, ...] = ()
    tmp: str = ""
    shared_memory: str = "2g"  # as on Azure ML, where 2g is the default
    memory: str = ""
    cpus: str = ""
    pids: int = 0
    gpus: str = ""
    mounts: tuple[tuple[str, str], ...] = ()
    writable: tuple[str, ...] = ()

    def limited(self, memory: str, cpus: str) -> "Sandbox":
        """Return the row with these limits, as HAKOBUNE_MEMORY and HAKOBUNE_CPUS give them.

        Empty leaves the row's own. Raises ConfigurationInvalidError.
        """
        given = (("HAKOBUNE_MEMORY", "memory", memory), ("HAKOBUNE_CPUS", "processors", cpus))
        for variable, kind, value in given:
            if value and not is_of(kind, value):
                raise ConfigurationInvalidError(
                    f"{variable} is {shortened(value)}, which is not {FORMS[kind].words}",
                    remedy=f"set {variable} to {FORMS[kind].words}; or unset it",
                )
        return replace(self, memory=memory or self.memory, cpus=cpus or self.cpus)

    def docker_options(self) -> list[str]:
        """Return the options of `docker run` for this row."""
        found = ["--user", self.user, "--network", self.network]
        found += ["--read-only"] if self.is_read_only else []
        found += ["--cap-drop", "ALL", *(f"--cap-add={name}" for name in self.capabilities)]
        found += ["--security-opt", "no-new-privileges:true"]
        found += ["--tmpfs", self.tmp, "--shm-size", self.shared_memory]
        found += ["--gpus", self.gpus] if self.gpus else []
        return [*found, "--memory", self.memory, "--cpus", self.cpus, f"--pids-limit={self.pids}"]

    def compose_service(self) -> dict[str, Any]:
        """Return the keys of a compose service for this row.

        Memory and processors can be set by the environment there.
        """
        network = {"network_mode": self.network} if self.network else {}
        # https://docs.docker.com/compose/how-tos/gpu-support/
        device = {"driver": "nvidia", "count": self.gpus, "capabilities": ["gpu"]}
        gpus = {"deploy": {"resources": {"reservations": {"devices": [device]}}}}
        return network | {
            "user": self.user,
            "read_only": self.is_read_only,
            "cap_drop": ["ALL"],
            "cap_add": list(self.capabilities),
            "security_opt": ["no-new-privileges:true"],
            "tmpfs": [self.tmp],
            "shm_size": self.shared_memory,
            "mem_limit": f"${{HAKOBUNE_MEMORY:-{self.memory}}}",
            "cpus": f"${{HAKOBUNE_CPUS:-{self.cpus}}}",
            "pids_limit": self.pids,
            "volumes": [
                {
                    "type": "bind",
                    "source": f"./{folder}",
                    "target": f"{WORKSPACE}/{place}",
                    "read_only": place not in self.writable,
                    # Docker would make it as root. It may where nothing is written.
                    "bind": {"create_host_path": place == DATA},
                }
                for place, folder in self.mounts
            ],
            **(gpus if self.gpus else {}),
        }

    def job_resources(self) -> dict[str, Any]:
        """Return what of this row a job of Azure ML can ask for, as job.yml's `resources`."""
        return {"shm_size": self.shared_memory}


def _here(**other: Any) -> Sandbox:  # noqa: ANN401 - fields of Sandbox
    """Return a row for this machine: what all of them share, and what this one has of its own."""
    shared: dict[str, Any] = {
        "user": "0:0",  # until the entrypoint has become the owner of `runs`
        "network": "none",
        "is_read_only": True,
        "capabilities": ("SETUID", "SETGID", "SETPCAP"),
        # In memory, so the memory's limit holds for it too. Executable, as on a cluster's node.
        "tmp": f"{TMP}:exec,size=2g",
        "memory": "4g",
        "cpus": "0",  # all of them
        # Above 64 processes with 64 threads each; a fork bomb ends there.
        "pids": 4096,
    }
    return Sandbox(**(shared | other))


DATA, INCOMING = "data", "runs/.incoming"
TRAIN, PREDICT, PAGES, SMOKE, JOB = "train", "predict", "mlflow", "smoke", "job"
SCHEDULER, WORKER = "scheduler", "worker"
SANDBOXES: Mapping[str, Sandbox] = {
    # `hakobune train` puts a folder of the run's own in the place of `runs/.incoming`.
    TRAIN: _here(mounts=((DATA, DATA), ("runs", INCOMING)), writable=("runs",)),
    # The nodes of one run: an internal network, on which there is nobody else.
    SCHEDULER: _here(network="", mounts=((DATA, DATA), ("runs", INCOMING)), writable=("runs",)),
    WORKER: _here(network="", mounts=((DATA, DATA), ("runs", INCOMING)), writable=("runs",)),
    PREDICT: _here(mounts=((DATA, DATA), ("runs", "runs"))),
    # Published on 127.0.0.1, so the network is compose's own. Its store is a volume of compose's.
    PAGES: _here(network="", mounts=(("runs", "runs"),)),
    SMOKE: _here(user=ANY_USER, capabilities=()),
    # A node of the service: user, disk, memory, processors and network are its own, and inputs are
    # mounted read-only (`ro_mount`).
    JOB: Sandbox(),
}
