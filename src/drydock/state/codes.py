"""Code is found by what it holds, whatever its name."""

from drydock.state.assets import Assets, AssetVersion


def find_by_hash(codes: Assets, digest: str) -> tuple[AssetVersion, ...]:
    """Return the code versions that were uploaded with this hash, under any name."""
    return tuple(
        version
        for asset in codes.all()
        for version in asset.versions
        if (version.given.get("properties") or {}).get("hash_sha256") == digest
    )
