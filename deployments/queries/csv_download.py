"""CSV downloads: streamed row by row, with cells escaped for spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence

from django.http import StreamingHttpResponse

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would take the cell for a formula; OWASP, "CSV Injection"


class _Echo:
    """A file whose `write` returns its text."""

    def write(self, text: str) -> str:
        return text


def csv_response(name: str, rows: Iterable[Sequence[str]]) -> StreamingHttpResponse:
    """Return a download of rows, the first of which is the header.

    Args:
        name: of the file, without its extension.
    """
    response = StreamingHttpResponse(_lines(rows), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield "\ufeff"  # so that spreadsheets read it as UTF-8
    for row in rows:
        yield writer.writerow([_escaped(cell) for cell in row])


def _escaped(cell: str) -> str:
    """Return a cell that a spreadsheet treats as text, also when it drops leading spaces."""
    return f"'{cell}" if cell.startswith(_FORMULA) or cell.lstrip().startswith(_FORMULA) else cell
