from pathlib import Path

import pytest

from trainer.errors import (
    ChoicesContradictError,
    HoldoutInvalidError,
    HorizonInvalidError,
    OrderInvalidError,
    RunIdInvalidError,
)
from trainer.input.options import Holdout
from trainer.settings import (
    Settings,
    complete,
    has_matplotlib_folder,
    library_variables,
    new_run_id,
    parse_arguments,
    place_run,
)


def _settings(*arguments: str, **environment: str) -> Settings:
    raw = parse_arguments(arguments)
    return complete(raw, place_run(raw, environment))


def test_defaults_are_the_contract() -> None:
    settings = _settings(HAKOBUNE_RUN_ID="r1")
    assert settings.model_name == "arima-model"
    assert settings.input is None
    assert settings.place.output == Path("outputs")
    assert settings.order is None
    assert settings.seasonal_order == (0, 0, 0, 0)
    assert settings.holdout == Holdout(fraction=0.1)
    assert settings.horizon is None


def test_run_id_is_taken_from_flag_then_azure_then_hakobune() -> None:
    both = {"AZUREML_RUN_ID": "azure", "HAKOBUNE_RUN_ID": "local"}
    assert _settings("--run_id", "flag", **both).place.run_id == "flag"
    assert _settings(**both).place.run_id == "azure"
    assert _settings(HAKOBUNE_RUN_ID="local", AZUREML_RUN_ID="").place.run_id == "local"


def test_generated_run_ids_differ_and_are_valid() -> None:
    ids = {new_run_id() for _ in range(20)}
    assert len(ids) == 20
    assert all(_settings("--run_id", run_id).place.run_id == run_id for run_id in ids)


def test_run_id_token_of_output_is_replaced() -> None:
    place = _settings("--output", "runs/{run_id}/x", "--run_id", "a.b-1").place
    assert place.output == Path("runs/a.b-1/x")


@pytest.mark.parametrize("run_id", ["../x", "a/b", ".hidden", "a b", "a\n", "x" * 201])
def test_run_id_that_could_leave_its_folder_is_refused(run_id: str) -> None:
    with pytest.raises(RunIdInvalidError):
        _settings("--run_id", run_id)


@pytest.mark.parametrize("text", ["2,0,2", "(2, 0, 2)", " 2,0,2 "])
def test_order_is_read(text: str) -> None:
    assert _settings("--order", text).order == (2, 0, 2)


@pytest.mark.parametrize(
    "text",
    ["", "2,0", "2,0,2,1", "a,b,c", "1.5,0,0", "2,-1,2", "13,0,0", "0,3,0", "99999999999,0,0"],
)
def test_bad_order_is_refused(text: str) -> None:
    with pytest.raises(OrderInvalidError) as caught:
        _settings(f"--order={text}")
    assert "--order auto" in caught.value.remedy


@pytest.mark.parametrize(
    "text", ["0,1,1", "0,1,1,1", "0,1,1,0", "4,0,0,7", "1,0,0,400", "-1,0,0,7"]
)
def test_bad_seasonal_order_is_refused(text: str) -> None:
    with pytest.raises(OrderInvalidError):
        _settings("--order", "1,0,0", f"--seasonal_order={text}")


def test_seasonal_order_without_order_is_refused() -> None:
    with pytest.raises(OrderInvalidError):
        _settings("--seasonal_order", "0,1,1,7")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("16", Holdout(rows=16)),
        ("0.25", Holdout(fraction=0.25)),
        (".5", Holdout(fraction=0.5)),
        ("10%", Holdout(fraction=0.1)),
        ("12.5%", Holdout(fraction=0.125)),
    ],
)
def test_holdout_is_rows_or_a_fraction(text: str, expected: Holdout) -> None:
    assert _settings("--holdout", text).holdout == expected


@pytest.mark.parametrize("text", ["0", "-1", "1.0", "0.0", "100%", "1e1", "many", "nan", ""])
def test_bad_holdout_is_refused(text: str) -> None:
    with pytest.raises(HoldoutInvalidError):
        _settings(f"--holdout={text}")


@pytest.mark.parametrize("text", ["0", "-3", "2.5", "10001", "x", ""])
def test_bad_horizon_is_refused(text: str) -> None:
    with pytest.raises(HorizonInvalidError):
        _settings(f"--horizon={text}")


@pytest.mark.parametrize(
    "arguments", [["--outptu", "x"], ["--in", "x"], ["--model_name", " "], ["x"]]
)
def test_unknown_or_shortened_option_is_a_usage_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_arguments(arguments)
    assert caught.value.code == 2


def test_the_last_of_a_repeated_option_counts() -> None:
    assert _settings("--output", "a", "--output", "b", "--run_id", "r").place.output == Path("b")


def test_threads_are_one_unless_the_user_says_otherwise() -> None:
    assert library_variables({})["OPENBLAS_NUM_THREADS"] == "1"
    assert "OPENBLAS_NUM_THREADS" not in library_variables({"OPENBLAS_NUM_THREADS": "4"})


@pytest.mark.parametrize(("is_claimed", "expected"), [(True, "Haswell"), (False, "Nehalem")])
def test_blas_takes_the_kernel_of_all_claimed_processors_whatever_is_given(
    monkeypatch: pytest.MonkeyPatch, *, is_claimed: bool, expected: str
) -> None:
    monkeypatch.setattr("trainer.settings.has_avx2_and_fma", lambda: is_claimed)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    for environment in ({}, {"OPENBLAS_CORETYPE": "SkylakeX"}):
        assert library_variables(environment)["OPENBLAS_CORETYPE"] == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", "X86_V4 AVX512_ICL AVX512_SPR"),
        ("X86_V3,AVX512_ICL", "X86_V3 AVX512_ICL X86_V4 AVX512_SPR"),
    ],
)
def test_numpy_takes_no_loops_beyond_avx2_and_none_that_the_user_forbids(
    monkeypatch: pytest.MonkeyPatch, given: str, expected: str
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    found = library_variables({"NPY_DISABLE_CPU_FEATURES": given})
    assert found["NPY_DISABLE_CPU_FEATURES"] == expected


def test_another_processor_family_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert set(library_variables({})) == {
        "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS",
    }  # fmt: skip


def test_matplotlib_folder_is_missing_where_home_is_missing_or_closed(tmp_path: Path) -> None:
    assert has_matplotlib_folder({"MPLCONFIGDIR": "/x"})
    assert has_matplotlib_folder({"HOME": str(tmp_path)})
    assert not has_matplotlib_folder({})
    assert not has_matplotlib_folder({"HOME": "/dev/null/home"})


def test_the_floor_is_on_unless_told_otherwise_and_not_for_a_given_order() -> None:
    assert _settings().has_floor
    assert not _settings("--floor", "none").has_floor
    assert not _settings("--order", "1,0,0").has_floor
    with pytest.raises(ChoicesContradictError):
        _settings("--order", "1,0,0", "--floor", "auto")


def test_the_point_of_box_cox_is_the_median_unless_told_otherwise() -> None:
    assert not _settings("--box_cox", "0").is_mean
    assert _settings("--box_cox", "0", "--box_cox_point", "mean").is_mean
    with pytest.raises(ChoicesContradictError, match="given without --box_cox"):
        _settings("--box_cox_point", "mean")


def test_seasons_are_lengths_the_shortest_first() -> None:
    assert _settings().seasons is None
    assert _settings("--season", "336, 48").seasons == (48, 336)
    assert _settings("--season", "52").seasons == (52,)
    assert _settings("--season", "1").seasons == ()


@pytest.mark.parametrize("text", ["", "0", "1,7", "7,", "-7", "7.5", "10001", "2,3,4,5", "week"])
def test_a_season_that_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(OrderInvalidError, match="--season"):
        _settings(f"--season={text}")


def test_a_season_beside_a_named_order_is_refused() -> None:
    with pytest.raises(ChoicesContradictError, match="--order names"):
        _settings("--order", "1,0,0", "--season", "7")
