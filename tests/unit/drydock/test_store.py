from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from drydock.errors import StateDamagedError
from drydock.state.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    name: str


def test_values_come_back_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    store = Store(tmp_path, Thing)
    for name in ("b", "c", "a"):
        store.put(name, Thing(name=name))
    store.put("b", Thing(name="changed"))
    again = Store(tmp_path, Thing)
    assert [thing.name for thing in again.all()] == ["changed", "c", "a"]


def test_any_key_is_a_file_of_its_own(tmp_path: Path) -> None:
    store = Store(tmp_path, Thing)
    keys = ["a/b", "a%2Fb", "../../x", "x" * 1000, "ü"]
    for key in keys:
        store.put(key, Thing(name=key))
    assert len(list(tmp_path.iterdir())) == len(keys)
    assert {thing.name for thing in Store(tmp_path, Thing).all()} == set(keys)


def test_a_removed_value_stays_away(tmp_path: Path) -> None:
    store = Store(tmp_path, Thing)
    store.put("a", Thing(name="a"))
    store.remove("a")
    assert store.get("a") is None
    assert Store(tmp_path, Thing).all() == ()


def test_a_change_sees_the_value_that_is_there(tmp_path: Path) -> None:
    store = Store(tmp_path, Thing)
    store.put("a", Thing(name="1"))
    store.change("a", lambda thing: replace(thing, name=thing.name + "2"))
    assert store.get("a") == Thing(name="12")


def test_a_file_that_drydock_did_not_write_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"number": 1}')
    with pytest.raises(StateDamagedError, match=r"a\.json"):
        Store(tmp_path, Thing)


def test_nobody_else_may_read_the_state(tmp_path: Path) -> None:
    Store(tmp_path, Thing).put("a", Thing(name="a"))
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o600
