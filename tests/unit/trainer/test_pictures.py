import struct
import warnings
from collections.abc import Callable

import pytest

from trainer.outcome import Outcome
from trainer.pictures import draw_prediction, draw_residuals, shortened

pytestmark = pytest.mark.process  # matplotlib asks fc-list for fonts when first imported


def _chunks(png: bytes) -> dict[bytes, bytes]:
    found, place = {}, 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        found[png[place + 4 : place + 8]] = png[place + 8 : place + 8 + length]
        place += 12 + length
    return found


@pytest.mark.parametrize("draw", [draw_prediction, draw_residuals])
def test_picture_is_the_same_bytes_twice_and_names_no_software(
    draw: Callable[[Outcome], bytes], outcome: Outcome
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first, second = draw(outcome), draw(outcome)
    assert first == second
    chunks = _chunks(first)
    assert struct.unpack(">II", chunks[b"IHDR"][:8]) == (1200, 648)
    assert b"tEXt" not in chunks


def test_long_names_are_shortened() -> None:
    assert shortened("x" * 200).endswith("…")
    assert len(shortened("x" * 200)) == 40
    assert shortened("PaidAmount") == "PaidAmount"
