"""The four grades, on small results."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hakobune.model.grade import Sameness
from hakobune.transform.grade_results import grade_results, is_compared, without_place

CSV = "date,forecast,lower\n2026-01-01,1.5,0.25\n2026-01-02,2.5,\n"


def run(**other: object) -> dict[str, bytes]:
    metric = {"RMSE": 12.5, "order": [2, 0, 2], "run_id": "a", "run": {"uid": 0}, **other}
    return {
        "models/model.pkl": b"\x80pickle",
        "metric.json": json.dumps(metric).encode(),
        "forecast.csv": CSV.encode(),
        "res.png": b"\x89PNG",
        "record.json": b"{}",
    }


def test_the_same_bytes_are_bit_identical() -> None:
    assert grade_results(run(), run()).sameness is Sameness.BITS


def test_fields_of_time_and_place_and_pictures_are_not_compared() -> None:
    other = run(run_id="b", run={"uid": 1000}) | {"res.png": b"other", "record.json": b"other"}
    assert grade_results(run(), other).sameness is Sameness.BITS


def test_equal_numbers_in_other_bytes_are_numerically_identical() -> None:
    other = run() | {"models/model.pkl": b"\x80other pickle"}
    grade = grade_results(run(), other)
    assert grade.sameness is Sameness.NUMBERS
    assert grade.first == "models/model.pkl: other bytes"
    assert grade_results(run(RMSE=12.0), run(RMSE=12)).sameness is Sameness.NUMBERS
    assert grade_results(run(RMSE=0.0), run(RMSE=-0.0)).sameness is Sameness.NUMBERS


def test_a_small_difference_is_within_the_tolerance_and_named() -> None:
    grade = grade_results(run(), run(RMSE=12.5 * (1 + 1e-9)))
    assert grade.sameness is Sameness.CLOSE
    assert grade.first.startswith("metric.json: RMSE: 12.5, 12.5000000")


@pytest.mark.parametrize(
    ("other", "first"),
    [
        ({"RMSE": 13.0}, "metric.json: RMSE: 12.5, 13.0"),
        ({"order": [2, 1, 2]}, "metric.json: order[1]: 0, 1"),
        ({"order": [2, 0]}, "metric.json: order[2]: 2, missing"),
        ({"new": None}, "metric.json: new: missing, None"),
        ({"order": "2,0,2"}, "metric.json: order: [2, 0, 2], '2,0,2'"),
    ],
)
def test_the_first_difference_is_named(other: dict[str, object], first: str) -> None:
    grade = grade_results(run(), run(**other))
    assert grade.sameness is Sameness.DIFFERENT
    assert grade.first == first


def test_a_cell_of_a_table_is_named_by_line_and_column() -> None:
    table = CSV.replace("2.5", "2.75").encode()
    grade = grade_results(run(), run() | {"forecast.csv": table})
    assert grade.first == "forecast.csv: line 3, forecast: 2.5, 2.75"


def test_a_file_that_one_run_lacks_is_a_difference() -> None:
    less = {name: data for name, data in run().items() if name != "forecast.csv"}
    assert grade_results(run(), less).first == "forecast.csv: only one run has it"


def test_without_a_readable_number_other_bytes_are_different() -> None:
    assert grade_results({"m.bin": b"1"}, {"m.bin": b"2"}).sameness is Sameness.DIFFERENT


def test_a_pickle_that_differs_does_not_hide_a_number_that_does() -> None:
    other = run(RMSE=13.0) | {"models/model.pkl": b"other"}
    assert grade_results(run(), other).sameness is Sameness.DIFFERENT


@pytest.mark.parametrize(
    ("name", "one", "other", "said"),
    [
        ("a.json", b"{", b"[", "not readable"),
        ("a.json", b'{"a": 1}', b'{"a": 1', "not readable"),
        ("a.json", b'{"a": 2}', b'{"a": 1, "a": 2}', "a key comes twice"),
        ("a.json", b"[" * 99999, b"[" * 99998, "not readable"),
        ("a.json", b"[1" + b"0" * 400 + b"]", b"[1.5]", "[0]: 1000"),
        ("a.json", b"[1]", b"[true]", "[0]: 1, True"),
        ("a.json", b"[]", b"{}", "a.json: [], {}"),
        ("a.csv", "a\n1\n".encode("utf-16"), "a\n99\n".encode("utf-16"), "not readable"),
        ("a.csv", b"a\n" + b"x" * 200_000, b"a\n" + b"y" * 200_000, "not readable"),
        ("a.csv", b"id\n12345678901234567890\n", b"id\n12345678901234567891\n", "line 2, id"),
        ("model.txt", b"tree 1", b"tree 2", "model.txt: other bytes"),
        ("report.html", b"1", b"1", "no file of either run is a result"),
    ],
)
def test_what_is_not_the_same_or_cannot_be_read_is_different(
    name: str, one: bytes, other: bytes, said: str
) -> None:
    more = {} if name == "report.html" else {"metric.json": b'{"RMSE": 1.5}'}
    grade = grade_results({**more, name: one}, {**more, name: other})
    if name == "model.txt":  # other bytes without numbers: what is readable decides
        assert grade.sameness is Sameness.NUMBERS
    else:
        assert grade.sameness is Sameness.DIFFERENT
    assert said in grade.first


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("a.json", b'{"a": 1.5}', b'{"a":1.5}'),
        ("a.json", b'{"a": 1.5, "run_id": "x"}', b'{"a": 1.50, "run_id": "y"}'),
        ("a.csv", b"x\n1.0\n", b"x\n1.00\n"),
        ("a.csv", b"x\n1\n", b"x\r\n1\r\n"),
    ],
)
def test_equal_values_in_other_bytes_are_never_bit_identical(
    name: str, one: bytes, other: bytes
) -> None:
    grade = grade_results({name: one}, {name: other})
    assert (grade.sameness, grade.first) == (Sameness.NUMBERS, f"{name}: other bytes")


@pytest.mark.parametrize(
    ("content", "left"),
    [
        (b'{ "run": {"uid": 0}, "b": 2 ,"run_id" : "q"}\n', b'{ , "b": 2 ,}\n'),
        (b'{"inner": {"run_id": 1}}', b'{"inner": {"run_id": 1}}'),
        (b'["run_id"]', b'["run_id"]'),
        (b'{"run_id": 1', b'{"run_id": 1'),
    ],
)
def test_time_and_place_are_cut_out_and_nothing_else(content: bytes, left: bytes) -> None:
    assert without_place("metric.json", content) == left
    assert without_place("metric.csv", content) == content


@given(st.dictionaries(st.text(), st.floats(allow_nan=False) | st.text() | st.booleans()))
def test_any_json_is_the_same_as_itself(values: dict[str, object]) -> None:
    content = {"x.json": json.dumps(values, allow_nan=True).encode()}
    assert grade_results(content, dict(content)).sameness is Sameness.BITS


def test_views_and_the_record_are_no_results() -> None:
    names = ("a/report.html", "record.json", "m.pkl", "timings.csv.gz", "my-timings.csv")
    assert [is_compared(name) for name in names] == [False, False, True, False, True]
