"""What of this machine's settings reaches whom: the one list, which doctor and the docs show.

Nothing that holds for this process holds for the engine, for a build or for a container: they may
run elsewhere, as another user, and with an environment of their own.
"""

from dataclasses import dataclass

PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSetting:
    """A setting, and in words what it is for each of the four. Empty: it does not get there."""

    name: str
    process: str
    engine: str = ""
    build: str = ""
    container: str = ""

    def row(self) -> str:
        """Return the row of the table in docs/reference/configuration.md."""
        cells = (self.process, self.engine, self.build, self.container)
        return f"| {self.name} | {' | '.join(cell or '-' for cell in cells)} |"


HOST_SETTINGS = (
    HostSetting(
        name="`DOCKER_HOST`, `docker context`, `DOCKER_CONFIG`",
        process="choose the engine for each docker command",
    ),
    HostSetting(
        name="logins of `docker login`",
        process="push",
        engine="passed on with each pull",
        build="passed on for `FROM`",
    ),
    HostSetting(
        name="`BUILDX_BUILDER`, `docker buildx use`",
        process="choose the builder",
        build="it must have the driver `docker`: only that one has the engine's images",
    ),
    HostSetting(
        name="`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`",
        process="uv, Azure, registries",
        build="`proxies` of docker's `config.json` instead",
        container="`proxies` of docker's `config.json` instead; a training has no network",
    ),
    HostSetting(
        name="the CA bundle: `HAKOBUNE_CA_BUNDLE`, `SSL_CERT_FILE`, …",
        process="uv, Azure, registries",
        build="a secret for pip and uv",
    ),
    HostSetting(
        name="pip's configuration, `PIP_INDEX_URL`, `PIP_EXTRA_INDEX_URL`",
        process="uv; an index in a local folder is ignored",
        build="a secret; an index on 127.0.0.1 is not reachable there",
    ),
    HostSetting(name="`HAKOBUNE_EXTRA_INDEX_URL`", process="uv", build="a secret"),
    HostSetting(
        name="`~/.netrc`, a keyring",
        process="uv",
        build="the logins of the indexes that are asked, in a secret",
    ),
    HostSetting(
        name="`HAKOBUNE_DEBIAN_MIRROR`, apt's sources",
        process="Debian's packages",
        build="a secret; without it, the apt sources of the base",
    ),
    HostSetting(name="`TMPDIR`", process="temporary files"),
    HostSetting(
        name="`HAKOBUNE_MEMORY`, `HAKOBUNE_CPUS`",
        process="handed to docker",
        container="its limits",
    ),
    HostSetting(
        name="the project's folder",
        process="read and written",
        build="sent as the build's context, as `.dockerignore` allows",
        container="only what is mounted; the engine must be on this machine or share the folder",
    ),
    HostSetting(
        name="user, umask, locale, time zone, `ulimit`",
        process="as they are",
        container="the owner of `runs`; UTC; the engine's limits",
    ),
)
