"""The two status tables, archive and engineering, with the established columns.

For nights that vampd has processed, its own records are shown. For any other night the rows of the
old tools' logs are passed on, so that the table covers the years before vampd as well.
"""

from __future__ import annotations

from collections.abc import Iterable

from vampd.model.nights import StatusRow


def merge_rows(own: Iterable[StatusRow], old: Iterable[StatusRow]) -> tuple[StatusRow, ...]:
    """One row per night, oldest first: ours where we have processed it, else the old tools'."""
    rows = {row.night: row for row in old}
    for row in own:
        if row.processed.is_set or row.night not in rows:
            rows[row.night] = row
    return tuple(rows[night] for night in sorted(rows))
