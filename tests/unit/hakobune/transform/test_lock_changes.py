from dataclasses import replace

from hakobune.model.lock import LockedWheel
from hakobune.transform.lock_changes import lock_changes
from tests.samples import make_lock


def wheel(name: str, version: str, sha256: str = "5" * 64) -> LockedWheel:
    file = f"{name}-{version}-py3-none-any.whl"
    return LockedWheel(name=name, version=version, file=file, size=1, sha256=sha256)


def test_each_kind_of_change_has_a_line() -> None:
    lock = make_lock()
    old = replace(lock, packages=(wheel("a", "1"), wheel("b", "1"), wheel("c", "1")))
    new = replace(
        old,
        python="3.14",
        packages=(wheel("a", "2"), wheel("c", "1", "6" * 64), wheel("d", "1")),
        tools=(),
        debian_base=None,
    )
    lines = lock_changes(old, new)
    assert lines[:5] == (
        "Python 3.13 → 3.14",
        "a 1 → 2",
        "b 1 removed",
        "c 1: another file of the same release",
        "d 1 added",
    )
    assert f"tool: {old.tools[0].name} {old.tools[0].version} removed" in lines
    assert any(line.startswith("Debian: ") and line.endswith(" removed") for line in lines)


def test_no_change_has_no_line_and_a_first_lock_has_one() -> None:
    lock = make_lock()
    assert lock_changes(lock, lock) == ()
    assert lock_changes(None, lock) == ("1 package, new",)
    two = replace(lock, packages=(*lock.packages, replace(lock.packages[0], name="other")))
    assert lock_changes(None, two) == ("2 packages, all new",)


def test_after_twenty_lines_the_rest_is_counted() -> None:
    lock = replace(make_lock(), packages=())
    new = replace(lock, packages=tuple(wheel(f"p{n:02}", "1") for n in range(50)))
    lines = lock_changes(lock, new)
    assert (len(lines), lines[-1]) == (21, "… and 30 more")


def test_a_base_whose_digest_opens_or_closes_is_told() -> None:
    lock = make_lock()
    base = replace(lock.registry_base, digest="sha256:1")
    (line,) = lock_changes(lock, replace(lock, registry_base=base))
    assert line == "its digest open → sha256:1"


def test_a_debian_package_and_a_python_package_of_one_name_are_two() -> None:
    lock = make_lock()
    assert lock.debian_base is not None
    program = replace(lock.debian_base.packages[0], name="graphviz", version="2", suite="trixie")
    new = replace(lock, packages=(*lock.packages, wheel("graphviz", "0.21"), program))
    assert lock_changes(lock, new) == ("graphviz 0.21 added", "Debian: graphviz 2 added")
