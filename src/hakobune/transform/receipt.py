"""A receipt to its sealed JSON and back. No I/O."""

from dataclasses import asdict

from hakobune.errors import ReceiptDamagedError, RecordDamagedError, RecordFromFutureError
from hakobune.model.receipt import SCHEMA_VERSION, Receipt
from hakobune.transform.read_record import read_sealed
from hakobune.transform.write_record import sealed


def write_receipt(receipt: Receipt) -> bytes:
    """Return the receipt as sealed JSON."""
    return sealed({"schema_version": SCHEMA_VERSION, **asdict(receipt)})


def read_receipt(content: bytes, *, place: str) -> Receipt:
    """Return the receipt. Raises ReceiptDamagedError."""
    try:
        values = read_sealed(content, place=place, schema=SCHEMA_VERSION)
        return Receipt(
            image=str(values["image"]),
            checks=tuple(values["checks"]),
            references=tuple(values["references"]),
        )
    except (RecordDamagedError, RecordFromFutureError, KeyError, TypeError) as exc:
        raise ReceiptDamagedError(
            f"{place} is not as it was written: {exc}",
            remedy=f"remove it and let the image pass again: rm {place} && hakobune smoke",
        ) from exc
