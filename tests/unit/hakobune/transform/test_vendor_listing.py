from hakobune.model.vendor import VendorListing
from hakobune.transform.vendor_listing import read_listing, write_listing

LISTING = VendorListing(
    base="hakobune-base:trixie-0123456789ab",
    base_digest="sha256:" + "a1" * 32,
    files=(("base/index.json", "b" * 64), ("wheels/six-1.17.0-py2.py3-none-any.whl", "c" * 64)),
)


def test_a_listing_is_read_as_it_was_written() -> None:
    assert read_listing(write_listing(LISTING)) == LISTING


def test_sha256sum_reads_its_lines() -> None:
    lines = write_listing(LISTING).decode().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        f"{sha256}  {path}" for path, sha256 in LISTING.files
    ]


def test_every_changed_byte_is_seen() -> None:
    content = write_listing(LISTING)
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        assert read_listing(bytes(changed)) is None
    assert all(read_listing(content[:length]) is None for length in range(len(content)))
