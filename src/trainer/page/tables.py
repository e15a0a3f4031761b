"""Tables and lists of pairs. Cells that are passed as HTML are escaped by those who made them."""

from collections.abc import Iterable
from dataclasses import dataclass

from trainer.page.wording import escaped, isolated

_MANY_COLUMNS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column's head; numbers stand to the right, and sentences are wide on a phone."""

    name: str
    is_number: bool = False
    is_wide: bool = False


def table(caption: str, columns: tuple[Column, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table whose first cells head their rows; on a phone each row is a block."""
    heads = "".join(f'<th scope="col"{_side(c)}>{escaped(c.name)}</th>' for c in columns)
    dense = ' class="dense"' if len(columns) > _MANY_COLUMNS else ""
    body = "".join(_row(columns, cells) for cells in rows)
    return (
        f'<p class="title">{escaped(caption)}</p><div class="scroll" tabindex="0" role="region"'
        f' aria-label="{escaped(caption)}"><table{dense}><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def pairs(rows: Iterable[tuple[str, str]], look: str = "pairs") -> str:
    """Return names and values of other people, as a list."""
    items = "".join(
        f"<div><dt>{isolated(name)}</dt><dd>{isolated(value)}</dd></div>" for name, value in rows
    )
    return f'<dl class="{look}">{items}</dl>'


def _row(columns: tuple[Column, ...], cells: tuple[str, ...]) -> str:
    head, *others = zip(columns, cells, strict=True)
    rest = "".join(
        f'<td{_side(column)} data-name="{escaped(column.name)}">{cell}</td>'
        for column, cell in others
    )
    return f'<tr><th scope="row">{head[1]}</th>{rest}</tr>'


def _side(column: Column) -> str:
    look = "n" if column.is_number else "w" if column.is_wide else ""
    return f' class="{look}"' if look else ""
