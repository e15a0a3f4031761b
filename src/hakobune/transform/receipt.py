"""A receipt, what an image has passed on this machine, to its sealed JSON and back. No I/O."""

from dataclasses import asdict, dataclass

from hakobune.errors import ReceiptDamagedError, RecordDamagedError, RecordFromFutureError
from hakobune.model.forms import required
from hakobune.transform.read_record import read_sealed
from hakobune.transform.write_record import sealed

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The image's id, the smoke tests that it passed, and the runs that it made for reference."""

    image: str
    checks: tuple[str, ...]
    references: tuple[str, ...]


def write_receipt(receipt: Receipt) -> bytes:
    """Return the receipt as sealed JSON."""
    return sealed({"schema_version": SCHEMA_VERSION, **asdict(receipt)})


def read_receipt(content: bytes, *, place: str) -> Receipt:
    """Return the receipt. Raises ReceiptDamagedError."""
    try:
        values = read_sealed(content, place=place, schema=SCHEMA_VERSION)
        return Receipt(
            image=required("digest", values["image"]),
            checks=tuple(required("argument", text) for text in values["checks"]),
            references=tuple(required("file name", text) for text in values["references"]),
        )
    except (RecordDamagedError, RecordFromFutureError, KeyError, TypeError, ValueError) as exc:
        raise ReceiptDamagedError(
            f"{place} was changed after hakobune wrote it: {exc}",
            remedy=f"remove it and run the tests again: rm {place} && hakobune smoke",
        ) from exc
