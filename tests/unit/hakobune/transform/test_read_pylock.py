import json

from hakobune.transform.read_pylock import read_pylock


def pylock(*wheels: str) -> str:
    entries = ", ".join(
        f'{{ url = "https://files.example/{wheel}", size = {n}, '
        f'hashes = {{ sha256 = "{n:064d}" }} }}'
        for n, wheel in enumerate(wheels)
    )
    name, version = wheels[0].split("-")[:2]
    return (
        f'lock-version = "1.0"\n[[packages]]\nname = {json.dumps(name)}\n'
        f"version = {json.dumps(version)}\nwheels = [{entries}]\n"
    )


def test_the_most_specific_wheel_is_taken() -> None:
    text = pylock(
        "a-1.0-py3-none-any.whl",
        "a-1.0-cp312-cp312-manylinux_2_28_x86_64.whl",
        "a-1.0-cp313-cp313-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        "a-1.0-cp313-cp313-manylinux_2_28_x86_64.whl",
        "a-1.0-cp313-cp313-musllinux_1_2_x86_64.whl",
        "a-1.0-cp313-cp313-win_amd64.whl",
    )
    (wheel,) = read_pylock(text, python="3.13")
    assert wheel.file == "a-1.0-cp313-cp313-manylinux_2_28_x86_64.whl"
    assert (wheel.name, wheel.version, wheel.size, wheel.sha256) == ("a", "1.0", 3, f"{3:064d}")


def test_the_stable_abi_counts_before_plain_python() -> None:
    text = pylock("a-1.0-py3-none-any.whl", "a-1.0-cp39-abi3-manylinux_2_28_x86_64.whl")
    assert "abi3" in read_pylock(text, python="3.13")[0].file


def test_an_address_leaves_only_its_file_name() -> None:
    text = pylock("a-1.0%2Bcpu-py3-none-any.whl")
    assert read_pylock(text, python="3.13")[0].file == "a-1.0+cpu-py3-none-any.whl"


def test_packages_are_sorted_by_name() -> None:
    text = pylock("b-1-py3-none-any.whl") + pylock("a-1-py3-none-any.whl").split("\n", 1)[1]
    assert [wheel.name for wheel in read_pylock(text, python="3.13")] == ["a", "b"]
