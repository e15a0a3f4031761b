"""An image that a registry holds."""

from dataclasses import dataclass

from hakobune.model.image import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedImage:
    """An image of this machine and where the registry has it: `registry/name` and the digest.

    `digest` is empty where it is known only after the push.
    """

    image: Image
    repository: str
    tag: str
    digest: str

    @property
    def reference(self) -> str:
        """The image by digest: what no later push can change."""
        return f"{self.repository}@{self.digest or '<known after the push>'}"

    @property
    def tagged(self) -> str:
        """The image by its tag, which is derived from its content."""
        return f"{self.repository}:{self.tag}"
