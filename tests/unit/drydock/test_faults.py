from pathlib import Path

import pytest

from drydock.errors import FaultUnknownError
from drydock.faults import Faults


def test_a_fault_strikes_as_often_as_it_was_told(tmp_path: Path) -> None:
    faults = Faults(tmp_path)
    faults.inject("429", times=2)
    struck = [faults.take(("429",), "jobs_get") for _ in range(3)]
    assert struck == ["429", "429", None]


def test_a_fault_strikes_where_its_pattern_fits_and_nowhere_else(tmp_path: Path) -> None:
    faults = Faults(tmp_path)
    faults.inject("500", route="PUT */jobs/*")
    assert faults.take(("500",), "jobs_get", "GET /w/jobs/a") is None
    assert faults.take(("500",), "jobs_create_or_update", "PUT /w/jobs/a") == "500"


def test_a_route_s_name_is_a_pattern(tmp_path: Path) -> None:
    faults = Faults(tmp_path)
    faults.inject("500", route="jobs_get")
    assert faults.take(("500",), "jobs_list") is None
    assert faults.take(("500",), "jobs_get") == "500"


def test_the_cloud_s_metadata_is_struck_only_by_name(tmp_path: Path) -> None:
    faults = Faults(tmp_path)
    faults.inject("500")
    assert faults.take(("500",), "cloud_metadata", "GET /metadata/endpoints") is None
    faults.clear()
    faults.inject("500", route="cloud_metadata")
    assert faults.take(("500",), "cloud_metadata") == "500"


def test_a_fault_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    faults = Faults(tmp_path)
    faults.inject("preempted")
    assert faults.take(("429", "500"), "jobs_get") is None
    assert [fault.kind for fault in faults.due()] == ["preempted"]


def test_faults_strike_in_the_order_in_which_they_were_set(tmp_path: Path) -> None:
    faults = Faults(tmp_path)
    for kind in ("500", "429", "500"):
        faults.inject(kind)
    assert [faults.take(("429", "500"), "x") for _ in range(3)] == ["500", "429", "500"]


def test_an_unknown_weather_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(FaultUnknownError, match="hail") as told:
        Faults(tmp_path).inject("hail")
    assert "slow-network" in told.value.remedy


def test_weather_survives_its_setter(tmp_path: Path) -> None:
    Faults(tmp_path).inject("429", times=2)
    assert Faults(tmp_path).take(("429",), "x") == "429"
    (left,) = Faults(tmp_path).due()
    assert left.times == 1
    assert Faults(tmp_path).clear() == (left,)
    assert Faults(tmp_path).due() == ()
