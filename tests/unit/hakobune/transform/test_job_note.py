from dataclasses import replace

import pytest

from hakobune.transform.job_note import JobNote, read_note, write_note

NOTE = JobNote(
    name="demo-1", plan_sha256="f" * 64, planned="2026-11-25T02:34:43Z", is_submitted=True
)


def test_a_note_comes_back_as_it_was() -> None:
    assert read_note(write_note(NOTE)) == NOTE


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        write_note(NOTE).replace(b'"schema_version": 1', b'"schema_version": 2'),
        write_note(NOTE).replace(b'"name"', b'"nome"'),
        write_note(NOTE).replace(b'"attempt": 1', b'"attempt": 0'),
        write_note(NOTE).replace(b'"attempt": 1', b'"attempt": "1"'),
    ],
)
def test_what_is_no_note_of_ours_is_none(content: bytes) -> None:
    assert read_note(content) is None


def test_the_job_that_replaces_another_has_the_next_number() -> None:
    second = replace(NOTE, name=NOTE.next_name(), attempt=2)
    assert (second.name, second.next_name()) == ("demo-1-2", "demo-1-3")
