import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.trainer.saved.fitted import ORDERS, fitted
from tests.unit.trainer.saved.made import resealed
from trainer.errors import SavedModelChangedError, SavedModelFormError, SavedModelInvalidError
from trainer.fit.order import Order
from trainer.fit.recipe import Recipe, find
from trainer.saved.json_file import read_saved, write_saved
from trainer.search.find import find_model
from trainer.search.found import Select


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("gaps", [(), (20, 21)], ids=["whole", "gaps"])
def test_a_saved_model_forecasts_the_same_bits(order: Order, gaps: tuple[int, ...]) -> None:
    found = fitted(order, gaps)
    loaded = read_saved(write_saved(found.saved()), "m.json")
    expected, ahead = found.predict(12), loaded.predict(12)
    assert ahead.mean.tobytes() == expected.mean.tobytes()
    assert ahead.standard_error.tobytes() == expected.standard_error.tobytes()


@pytest.mark.parametrize("select", ["aicc", "average"])
def test_members_and_transform_are_kept(select: Select) -> None:
    values = np.exp(fitted(ORDERS[0]).values / 50)
    recipe = Recipe(order=None, engine="kernel", select=select, power=0.5, season=7)
    found = find(recipe, values, horizon=5)
    loaded = read_saved(write_saved(found.saved({"run_id": "r1"})), "m.json")
    assert loaded.predict(5).point.tobytes() == found.predict(5).point.tobytes()
    assert loaded.facts == {"run_id": "r1"}
    assert len(loaded.members) == len(found.members)


def test_regressors_are_kept() -> None:
    price = np.random.default_rng(6).normal(size=65).reshape(1, -1)
    recipe = Recipe(
        order=ORDERS[0], engine="kernel", select="aicc", power=None, season=1, columns=price
    )
    found = find(recipe, fitted(ORDERS[0]).values, horizon=5)
    loaded = read_saved(write_saved(found.saved()), "m.json")
    future = price[:, 60:]
    assert loaded.predict(5, future).mean.tobytes() == found.predict(5, future).mean.tobytes()


def _broken(**changes: Any) -> bytes:
    content = json.loads(write_saved(fitted(ORDERS[0]).saved()))
    return resealed({**content, **changes})


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"1",
        b"{}",
        _broken(members=[]),
        _broken(values=[]),
        _broken(values=["x"]),
        _broken(members=[{"weight": 1, "order": [1, 0]}]),
        _broken(regressors=[1, 2]),
    ],
)
def test_what_is_no_saved_model_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(SavedModelInvalidError, match=r"^m\.json: "):
        read_saved(content, "m.json")


SMALL = write_saved(fitted(ORDERS[0]).saved({"value_column": "Größe"}))


@pytest.mark.parametrize("version", [1, 2, 99, "2", None, 2.5])
def test_another_form_is_refused_by_its_version(version: object) -> None:
    said = rf"^m\.json: the form {version!r} is not supported"
    with pytest.raises(SavedModelFormError, match=said):
        read_saved(_broken(schema_version=version), "m.json")


def test_a_file_of_the_first_form_which_has_no_seal_is_refused_by_its_version() -> None:
    with pytest.raises(SavedModelFormError, match="the form 1 "):
        read_saved(b'{"schema_version": 1, "members": []}', "m.json")


def test_no_flip_of_a_byte_is_taken_for_the_model() -> None:
    refusals = (SavedModelChangedError, SavedModelInvalidError)
    for place in range(len(SMALL)):
        for mask in (1, 2, 4, 8, 16, 32, 64, 128, 255):
            changed = bytearray(SMALL)
            changed[place] ^= mask
            with pytest.raises(refusals):
                read_saved(bytes(changed), "m.json")


def test_no_beginning_of_a_file_and_nothing_behind_it_is_taken_for_the_model() -> None:
    for end in range(len(SMALL)):
        with pytest.raises(
            SavedModelChangedError, match=r"^m\.json: (truncated or )?changed after"
        ):
            read_saved(SMALL[:end], "m.json")
    for more in (b"\n", b" ", b"{}", b"\0", SMALL):
        with pytest.raises(SavedModelChangedError):
            read_saved(SMALL + more, "m.json")


def test_a_file_without_its_seal_is_refused() -> None:
    content = {name: value for name, value in json.loads(SMALL).items() if name != "sha256"}
    with pytest.raises(SavedModelChangedError, match="its sha256 is missing"):
        read_saved(json.dumps(content).encode(), "m.json")


def test_parameters_of_another_order_are_refused() -> None:
    content = json.loads(write_saved(fitted(ORDERS[0]).saved()))
    content["members"][0]["order"] = [2, 0, 0]
    with pytest.raises(SavedModelInvalidError, match="belong"):
        read_saved(resealed(content), "m.json")


@pytest.mark.slow
def test_760_values_take_less_than_20_kb() -> None:
    values = np.random.default_rng(0).normal(size=760) * 100 + 1000
    found = find_model(values, season=1, select="aicc", differencing=(1, 0))
    assert len(write_saved(found.saved())) <= 20_000


@pytest.mark.process
def test_loading_and_forecasting_loads_neither_pandas_nor_statsmodels(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_bytes(write_saved(fitted(ORDERS[3]).saved()))
    code = (
        "import sys\nfrom pathlib import Path\nfrom trainer.saved.json_file import read_saved\n"
        "content = Path(sys.argv[1]).read_bytes()\n"
        "print(read_saved(content, 'm').predict(3).mean)\n"
        "print(*sorted(m for m in sys.modules if '.' not in m))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "numpy" in loaded
    assert not loaded & {"pandas", "statsmodels", "pmdarima", "scipy", "joblib", "matplotlib"}
