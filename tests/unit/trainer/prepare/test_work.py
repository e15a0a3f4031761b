import errno
import gc
import io
import json
import os
import random
import signal
import sys
import tracemalloc
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NoReturn

import pytest

from tests.unit.trainer.prepare.raw_lines import line, text
from trainer.errors import (
    DiskFullError,
    InputEmptyError,
    InputMissingError,
    InputNotTextError,
    InputUnreadableError,
    OutputNotWritableError,
    RawFileInvalidError,
    RowsInvalidError,
    TrainerError,
)
from trainer.input.source import Source
from trainer.interruption import InterruptedBySignal
from trainer.prepare.command import run
from trainer.prepare.options import parse_options
from trainer.prepare.report import Report
from trainer.prepare.series import Prepared
from trainer.prepare.work import prepare

Preparer = Callable[..., tuple[Prepared, Report]]
THREE_DAYS = text(["2024-01-01", "2024-01-02", "2024-01-03"])


@pytest.fixture
def raw_history(shared: Path) -> Path:
    return shared / "data" / "adventureworks" / "TransactionHistory.partial.tsv"


def test_complete_days_are_those_of_the_origin_to_the_last_digit(
    raw_history: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([str(raw_history), "--output", str(tmp_path / "daily.csv")]) == 0
    lines = (tmp_path / "daily.csv").read_text().splitlines()
    origin = (raw_history.parent / "mlops_forecast_data.csv").read_text().splitlines()
    assert len(lines) == 1 + 167
    assert lines == origin[: len(lines)]
    shown = capsys.readouterr().err
    assert "P: 2,865 lines, 4.9% of the lines, 40.7% of the amount" in shown
    assert "dropped  2014-01-14: not whole" in shown
    assert "line 58,544, the last one, is truncated: dropped" in shown


def test_exact_sums_do_not_depend_on_the_order_of_the_lines(
    raw_history: Path, prepared: Preparer
) -> None:
    lines = raw_history.read_text().splitlines()[:5_000]
    mixed = random.Random(5).sample(lines, len(lines))
    options = ("--sums", "exact", "--partial", "keep")
    series, _ = prepared("\n".join(lines), *options)
    again, report = prepared("\n".join(mixed), *options)
    plain, _ = prepared("\n".join(lines), "--partial", "keep")
    assert again.values == series.values
    assert series.values == pytest.approx(plain.values, rel=1e-12)
    assert any("not in chronological order" in note for note in report.notes)


class Repeated:
    """The same thousand lines of one year, again and again."""

    def __init__(self, count: int) -> None:
        days = [date.fromordinal(738_000 + number % 365) for number in range(1000)]
        self._content = "".join(line(str(day), quantity=day.day) for day in days).encode()
        self._left = count

    def read(self, size: int, /) -> bytes:
        self._left -= 1
        return self._content if self._left >= 0 else b""


@pytest.mark.slow
@pytest.mark.parametrize("sums", ["plain", "exact"])
def test_memory_does_not_grow_with_the_lines(sums: str) -> None:
    def peak(count: int) -> int:
        source = Source(name="raw", stream=Repeated(count), size=None)
        options = parse_options(["raw", "--sums", sums])
        gc.collect()
        tracemalloc.start()
        try:
            _, report = prepare(source, options)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            assert report.read == 1000 * count

    peak(1)  # what is imported and kept for good is not counted
    assert peak(40) < 1.1 * peak(4)


def test_days_without_lines_are_empty_and_told(prepared: Preparer) -> None:
    series, report = prepared(text(["2024-01-01", "2024-01-03", "2024-01-06"]))
    assert series.values == (2.5, None, 2.5, None, None, 2.5)
    assert [(str(gap.first), gap.days) for gap in report.gaps] == [
        ("2024-01-02", 1),
        ("2024-01-04", 2),
    ]
    assert report.empty == 3


def test_written_series_has_one_line_a_day_and_empty_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("raw.tsv").write_text(text(["2024-01-01", "2024-01-03"]))
    run(["raw.tsv", "--output", "daily.csv"])
    expected = "TransactionDate,PaidAmount\n2024-01-01,2.5\n2024-01-02,\n2024-01-03,2.5\n"
    assert Path("daily.csv").read_text() == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["daily.csv", "raw.tsv"]


def test_counts_are_written_as_whole_numbers_to_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = tmp_path / "raw.tsv"
    raw.write_text(line("2024-01-01") * 3)
    run([str(raw), "--measure", "count"])
    assert capsys.readouterr().out == "TransactionDate,Lines\n2024-01-01,3\n"


def test_report_is_written_as_json_with_all_counts(tmp_path: Path) -> None:
    raw, report = tmp_path / "raw.tsv", tmp_path / "report.json"
    raw.write_text(THREE_DAYS + line("2024-01-03", kind="W", cost=0, quantity=-4))
    run([str(raw), "--output", str(tmp_path / "d.csv"), "--report", str(report), "--type", "S"])
    read = json.loads(report.read_text())
    assert read["schema_version"] == 1
    assert (read["read"], read["used"], read["not_selected"]) == (4, 3, 1)
    assert (read["negative_quantities"], read["zero_amounts"]) == (1, 1)
    assert [share["type"] for share in read["types"]] == ["S", "W"]
    assert read["types"][1]["amount_share"] == 0


def test_a_cut_off_last_line_takes_its_day_along(prepared: Preparer) -> None:
    series, report = prepared(THREE_DAYS + "9\t7\t1\t0\t2024-01-03 00:00:00\tS\t1\t")
    assert [str(day) for day in series.dates] == ["2024-01-01", "2024-01-02"]
    assert (report.cut_off_line, report.in_dropped) == (4, 1)
    kept, _ = prepared(THREE_DAYS + "9\t7\t1", "--partial", "keep")
    assert len(kept.dates) == 3


def test_a_line_cut_off_in_a_later_day_leaves_the_day_before_whole(prepared: Preparer) -> None:
    series, report = prepared(THREE_DAYS + "9\t7\t1\t0\t2024-01-04 00:00:00\tS")
    assert str(series.dates[-1]) == "2024-01-03"
    assert report.cut_off_line == 4


def test_a_cut_off_file_out_of_order_is_told_and_keeps_its_days(prepared: Preparer) -> None:
    days = text(["2024-01-03", "2024-01-01", "2024-01-02"])
    series, report = prepared(days + "9\t7\t1\t0")
    assert len(series.dates) == 3
    assert any("lines of any day may be missing" in note for note in report.notes)


def test_a_whole_last_line_needs_no_line_end(prepared: Preparer) -> None:
    series, report = prepared(THREE_DAYS.removesuffix("\n"))
    assert len(series.dates) == 3
    assert report.cut_off_line is None


def test_every_broken_line_is_told_with_its_number(prepared: Preparer) -> None:
    content = (
        THREE_DAYS
        + line("2024-01-03", quantity="x")
        + "\n1\t2\n"
        + line("2024-13-01")
        + line("2024-01-04", cost="1_0")
        + line("2024-01-04", cost="")
        + line("2024-01-04", quantity="inf")
        + THREE_DAYS
    )
    with pytest.raises(RawFileInvalidError) as caught:
        prepared(content)
    assert caught.value.what.splitlines() == [
        "raw.tsv:4: quantity: 'x' is not a number",
        "raw.tsv:6: 2 fields, the other lines have 9",
        "raw.tsv:7: date: '2024-13-01 00:00:00' is not a date (ISO 8601)",
        "raw.tsv:8: cost: '1_0' is not a number",
        "raw.tsv:9: the cost is missing",
        "raw.tsv:10: quantity: 'inf' is infinite",
    ]


def test_broken_lines_can_be_skipped_and_are_counted(prepared: Preparer) -> None:
    content = line("2024-01-01", quantity="x") * 50 + THREE_DAYS * 100
    series, report = prepared(content, "--skip_broken")
    assert series.values == (2.5, 2.5, 2.5)
    assert (report.broken, len(report.broken_lines), report.read) == (50, 20, 300)


def test_a_file_of_broken_lines_only_is_refused_even_so(prepared: Preparer) -> None:
    with pytest.raises(RawFileInvalidError, match=r"50 in all"):
        prepared(line("2024-01-01", quantity="x") * 50 + THREE_DAYS[:5], "--skip_broken")


@pytest.mark.parametrize(
    ("content", "failure", "what"),
    [
        (b"", InputEmptyError, "is empty"),
        (b"\xef\xbb\xbf", InputEmptyError, "is empty"),
        (b"\n\r\n  \n", InputEmptyError, "blank lines"),
        (b"\x1f\x8b\x08abc", InputUnreadableError, "gzip"),
        (b"\xff\xfe1\x00\x00", InputNotTextError, "UTF-16"),
        (THREE_DAYS.encode() + b"\x00", InputNotTextError, "raw.tsv:4: the file is binary"),
        ("é".encode() + THREE_DAYS.encode() + b"\xe9\n", InputNotTextError, "raw.tsv:4: byte 0xe9"),
        (b"1\t" * 600_000, RowsInvalidError, "line longer than"),
        (line("9999-12-31").encode() + THREE_DAYS.encode(), RawFileInvalidError, "reach from"),
    ],
)
def test_what_is_no_table_of_lines_is_refused(
    prepared: Preparer, content: bytes, failure: type[TrainerError], what: str
) -> None:
    options = ["--separator", "tab", "--columns", "date=5,quantity=7,cost=8"]
    with pytest.raises(failure, match=what) as caught:
        prepared(content, *options)
    assert caught.value.remedy


def test_a_file_of_one_cut_off_line_is_refused(prepared: Preparer) -> None:
    with pytest.raises(InputEmptyError, match="no complete line"):
        prepared("1\t7\t1\t0\t2024-01-01 00:00:00\tS\t1\t")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_marks_change_nothing(
    prepared: Preparer, end: str, mark: str
) -> None:
    series, report = prepared(mark + THREE_DAYS.replace("\n", end))
    assert series.values == (2.5, 2.5, 2.5)
    assert report.file_lines == 3


def test_a_file_cut_off_inside_a_letter_is_cut_off(prepared: Preparer) -> None:
    _, report = prepared(THREE_DAYS.encode() + "9\t7\té".encode()[:-1])
    assert report.cut_off_line == 4


def test_zeros_count_where_a_day_has_other_lines(prepared: Preparer) -> None:
    content = (
        line("2024-01-01")
        + line("2024-01-02", kind="P")
        + text(["2024-01-04"])
        + line("2024-01-05", kind="P")
    )
    for measure, expected in (
        ("sum", (2.5, 0.0, None, 2.5, 0.0)),
        ("count", (1, 0, None, 1, 0)),
        ("quantity", (1, 0, None, 1, 0)),
        ("mean", (2.5, None, None, 2.5)),
    ):
        series, _ = prepared(content, "--type", "S", "--measure", measure)
        assert series.values == expected


def test_selections_by_type_and_product_add_up(prepared: Preparer) -> None:
    content = (
        line("2024-01-01", kind="S", cost=1, product=1)
        + line("2024-01-01", kind="P", cost=10, product=1)
        + line("2024-01-01", kind="W", cost=100, product=2)
        + line("2024-01-01", kind="S", cost=1000, product=2)
    )

    def total(*options: str) -> float | None:
        return prepared(content, "--measure", "sum", *options)[0].values[0]

    assert total() == 1111
    assert total("--type", "S") == 1001
    assert total("--type", "S", "--type", "P") == 1011
    assert total("--product", "1") == 11
    assert total("--product", "1", "--product", "2", "--type", "W") == 100


def test_a_selection_without_lines_names_the_nearest_type(prepared: Preparer) -> None:
    with pytest.raises(InputEmptyError) as caught:
        prepared(THREE_DAYS, "--type", "s")
    assert "the nearest type is 'S'" in caught.value.remedy


def test_what_is_asked_for_and_not_there_is_told(prepared: Preparer) -> None:
    options = ("--type", "S", "--type", "Q", "--product", "7", "--product", "8")
    _, report = prepared(THREE_DAYS, *options)
    assert "--type Q: no line has it" in report.notes
    assert "--product 8: no line has it" in report.notes


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputMissingError):
        run([str(tmp_path / "no.tsv")])
    with pytest.raises(InputUnreadableError, match="is a folder"):
        run([str(tmp_path)])


def test_the_stream_that_breaks_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_named: object) -> NoReturn:
        raise OSError(errno.EIO, "Input/output error")

    raw, output = tmp_path / "raw.tsv", tmp_path / "d.csv"
    raw.write_text(THREE_DAYS)
    output.write_text("old")
    monkeypatch.setattr("trainer.prepare.work.open_table", broken)
    with pytest.raises(OSError, match="Input/output"):
        run([str(raw), "--output", str(output)])
    assert output.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def stop(*_args: object) -> NoReturn:
        raise InterruptedBySignal(number)

    raw, output = tmp_path / "raw.tsv", tmp_path / "d.csv"
    raw.write_text(THREE_DAYS)
    output.write_text("old")
    for place in ("trainer.prepare.totals.Totals.add", "os.fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(place, stop)
            with pytest.raises(InterruptedBySignal):
                run([str(raw), "--output", str(output), "--report", str(tmp_path / "r.json")])
        assert output.read_text() == "old"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["d.csv", "raw.tsv"]


def test_a_full_disk_is_told_and_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    raw, output = tmp_path / "raw.tsv", tmp_path / "d.csv"
    raw.write_text(THREE_DAYS)
    output.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFullError):
        run([str(raw), "--output", str(output)])
    assert output.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.csv", "raw.tsv"]


def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    raw = tmp_path / "raw.tsv"
    raw.write_text(THREE_DAYS)
    with pytest.raises(DiskFullError):
        run([str(raw), "--output", "/dev/full"])
    assert not Path("/dev/full").is_file()


def test_bad_outputs_are_found_before_the_file_is_read(tmp_path: Path) -> None:
    missing = str(tmp_path / "no.tsv")
    with pytest.raises(OutputNotWritableError, match="is a folder"):
        run([missing, "--output", str(tmp_path)])
    with pytest.raises(OutputNotWritableError, match="does not exist") as caught:
        run([missing, "--output", str(tmp_path / "no" / "d.csv")])
    assert caught.value.remedy == f"mkdir -p {tmp_path / 'no'}"


def test_a_link_is_kept_and_its_file_replaced(tmp_path: Path) -> None:
    raw, real, link = tmp_path / "raw.tsv", tmp_path / "real.csv", tmp_path / "link.csv"
    raw.write_text(THREE_DAYS)
    real.write_text("old")
    link.symlink_to(real)
    run([str(raw), "--output", str(link)])
    assert link.is_symlink()
    assert real.read_text().startswith("TransactionDate")


def test_standard_input_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(THREE_DAYS.encode())))
    run(["-"])
    assert capsys.readouterr().out.splitlines()[1:] == [
        "2024-01-01,2.5",
        "2024-01-02,2.5",
        "2024-01-03,2.5",
    ]
