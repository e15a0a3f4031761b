import pytest

from hakobune.transform.debian_packages import (
    of_base,
    read_candidates,
    read_packages,
    upstream,
    write_packages,
)

LINE = "\t".join(
    ["zlib1g", "1:1.3-1+deb13u1", "amd64", "5", "c" * 64, "pool/updates/main/z/zlib1g.deb"]
)


def test_the_base_s_script_gets_the_six_columns_that_it_reads() -> None:
    printed = f"{LINE}\ttrixie-security\t1:1.3-1+deb13u1\tboth\n"
    assert write_packages(read_packages(printed)) == f"{LINE}\n"


@pytest.mark.parametrize(
    ("role", "is_base", "is_added"),
    [("base", True, False), ("added", False, True), ("both", True, True)],
)
def test_a_package_is_of_the_base_or_added_or_both(
    role: str, *, is_base: bool, is_added: bool
) -> None:
    (found,) = read_candidates(f"{LINE}\ttrixie\t-\t{role}\n")
    assert (found.is_base, found.is_added, found.fixed) == (is_base, is_added, "")


def test_the_base_names_a_suite_only_where_it_is_not_its_own() -> None:
    (own,) = read_packages(f"{LINE}\ttrixie\t-\tbase\n")
    (other,) = read_packages(f"{LINE}\ttrixie-security\t-\tbase\n")
    assert (of_base(own, "trixie").suite, of_base(other, "trixie").suite) == ("", "trixie-security")
    assert (other.release, other.file) == ("trixie", "zlib1g.deb")


@pytest.mark.parametrize(
    ("version", "own"),
    [
        ("20.19.2+dfsg-1+deb13u3", "20.19.2"),
        ("1:2.47.3-0+deb13u1", "2.47.3"),
        ("4:14.2.0-1", "14.2.0"),
        ("12.22.12~dfsg-1~deb11u4", "12.22.12"),
        ("6.0.0~rc2-2", "6.0.0"),
        ("really-odd", None),
    ],
)
def test_the_software_s_own_version_is_the_start_of_debian_s(version: str, own: str | None) -> None:
    found = upstream(version)
    assert (str(found) if found else None) == own
