from dataclasses import replace

import pytest

from hakobune.model.vendor import VendorListing
from hakobune.transform.seal import seal
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


@pytest.mark.parametrize(
    "path",
    [
        "wheels/..",
        "wheels/../x",
        "base/blobs/../../../x",
        "wheels/.",
        "wheels/",
        "wheels//x",
        "wheels/mine/x",
        "wheels",
        "/etc/passwd",
        "../wheels/x",
        "other/x",
    ],
)
def test_a_sealed_listing_that_leads_outside_is_none_of_ours(path: str) -> None:
    listing = replace(LISTING, files=(*LISTING.files, (path, "d" * 64)))
    assert read_listing(write_listing(listing)) is None


@pytest.mark.parametrize("line", ["e" * 64 + "  wheels/a b", "wheels/x", ""])
def test_a_sealed_line_of_another_form_is_not_passed_over(line: str) -> None:
    body = write_listing(LISTING).decode().rpartition("# sha256")[0]
    assert read_listing(seal(f"{body}{line}\n")) is None
