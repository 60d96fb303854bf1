"""Tables as CSV (RFC 4180) that a spreadsheet opens without running anything. What is in them is decided elsewhere."""

import csv
import io
from collections.abc import Iterable, Sequence

Cell = str | int | float | None

# With one of these a cell is a formula to Excel, LibreOffice or Google Sheets (OWASP, CSV injection), the full-width
# ones in some languages.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_table(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Return a table in UTF-8 with a header row. What is None is empty, and text is never a formula.

    Every cell is in quotes, so that none begins within another.
    """
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow([guarded(name) for name in header])
    writer.writerows([guarded(cell) for cell in row] for row in rows)
    return written.getvalue().encode()


def guarded(cell: Cell) -> Cell:
    """Return a cell with an apostrophe before what a spreadsheet would run; numbers stay as they are."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
