"""A store of models: one is opened by its name, and what is no store is refused."""

import sqlite3
import zlib
from pathlib import Path

import numpy as np
import pytest

from trainer.combine.series import forecast_series
from trainer.errors import SavedModelChangedError, SavedModelInvalidError, SeriesUnknownError
from trainer.saved.json_file import write_saved
from trainer.saved.store import StoreWriter, is_store, read_model

VALUES = np.arange(7.0) ** 2
MODEL = forecast_series(VALUES, horizon=1).model
CONTENT = write_saved(MODEL)
NAMES = sorted(["a", "a/b", "nu\0l", "🚢", "x'; DROP TABLE models;--", "n" * 300, ""])


def _store(path: Path, models: dict[str, bytes]) -> Path:
    with StoreWriter(path) as store:
        store.add(models.items())
    return path


def test_a_model_is_found_by_its_name_and_the_same_models_are_the_same_bytes(
    tmp_path: Path,
) -> None:
    models = {name: zlib.compress(CONTENT) for name in NAMES}
    path = _store(tmp_path / "a?b#c.sqlite", models)
    assert is_store(path)
    for name in NAMES:
        assert read_model(path, name).predict(3).point.tolist() == MODEL.predict(3).point.tolist()
    assert _store(tmp_path / "again.sqlite", models).read_bytes() == path.read_bytes()


def test_a_name_that_is_not_there_is_refused_with_those_near_it(tmp_path: Path) -> None:
    path = _store(tmp_path / "s.sqlite", {"ab": b"", "ac": b"", "\x1b[2J": b""})
    with pytest.raises(SeriesUnknownError) as caught:
        read_model(path, "aa")
    assert "'ab', 'ac'" in caught.value.remedy
    with pytest.raises(SeriesUnknownError) as caught:
        read_model(path, "z\x1b[2J")
    assert "\x1b" not in caught.value.what + caught.value.remedy


def test_what_is_no_store_or_no_model_is_refused(tmp_path: Path) -> None:
    cut = zlib.compress(CONTENT)[:-4]
    changed = zlib.compress(CONTENT.replace(b"25.0", b"24.0"))
    path = _store(tmp_path / "s.sqlite", {"cut": cut, "noise": b"\0\1", "changed": changed})
    for name in ("cut", "noise"):
        with pytest.raises(SavedModelInvalidError):
            read_model(path, name)
    with pytest.raises(SavedModelChangedError):
        read_model(path, "changed")
    content = path.read_bytes()
    for damaged in (content[:100], content[:-4096], b"SQLite format 3\0" + bytes(4096)):
        path.write_bytes(damaged)
        with pytest.raises((SavedModelInvalidError, SeriesUnknownError)):
            read_model(path, "cut")
    assert not is_store(tmp_path)
    assert not is_store(tmp_path / "absent")


def test_a_file_with_more_than_the_table_is_no_store(tmp_path: Path) -> None:
    path = _store(tmp_path / "s.sqlite", {"a": zlib.compress(CONTENT)})
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE models RENAME TO others")
        connection.execute("CREATE VIEW models AS SELECT unique_id, model FROM others")
    connection.close()
    with pytest.raises(SavedModelInvalidError, match="other tables"):
        read_model(path, "a")
