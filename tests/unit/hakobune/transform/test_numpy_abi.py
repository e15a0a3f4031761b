from datetime import UTC, datetime

from hakobune.model.lock import LockedWheel
from hakobune.transform.numpy_abi import compiled_for_numpy_1


def wheel(name: str, version: str, tag: str, day: datetime) -> LockedWheel:
    file = f"{name.replace('-', '_')}-{version}-{tag}.whl"
    return LockedWheel(name=name, version=version, file=file, size=1, sha256="0" * 64, uploaded=day)


OLD, NEW = datetime(2022, 10, 1, tzinfo=UTC), datetime(2024, 9, 1, tzinfo=UTC)
COMPILED, PURE = "cp310-cp310-manylinux_2_17_x86_64", "py3-none-any"
NUMPY_1 = wheel("numpy", "1.26.4", COMPILED, OLD)
NUMPY_2 = wheel("numpy", "2.1.0", COMPILED, NEW)
LEARN = wheel("scikit-learn", "1.1.3", COMPILED, OLD)


def test_an_old_compiled_wheel_that_needs_numpy_is_found() -> None:
    assert compiled_for_numpy_1([NUMPY_2, LEARN], {"numpy": ("scikit-learn",)}) == (
        "scikit-learn 1.1.3",
    )


def test_numpy_1_is_right_for_all() -> None:
    assert compiled_for_numpy_1([NUMPY_1, LEARN], {"numpy": ("scikit-learn",)}) == ()
    assert compiled_for_numpy_1([LEARN], {}) == ()


def test_pure_new_and_unconcerned_wheels_are_left_alone() -> None:
    pure = wheel("seaborn", "0.12.0", PURE, OLD)
    new = wheel("scipy", "1.14.1", COMPILED, NEW)
    needers = {"numpy": ("seaborn", "scipy", "absent")}
    assert compiled_for_numpy_1([NUMPY_2, pure, new, LEARN], needers) == ()
