"""Choosing products by what their headers say, which the night's table of headers repeats."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from vampd.engine.getting.offer import Offered
from vampd.errors import DataError, UsageError
from vampd.fits.products import read_product_cards
from vampd.model.cubes import Number, Value
from vampd.model.headers import Condition, Described, header_values

Values = Mapping[str, Value]
# The MJD of 1970-01-01.
_UNIX_MJD, _DAY_US = 40587, 86_400_000_000


def choose_products(
    offered: Sequence[Offered],
    conditions: Sequence[Condition],
    folder: Path | None,
    table: Callable[[], Mapping[str, Values]],
) -> tuple[Offered, ...]:
    """Those that meet all conditions.

    Headers are read here; ``table``, by path in the night, is asked for those that cannot be.
    UsageError ``no_products`` names a card that no product has.
    """
    if not conditions:
        return tuple(offered)
    headers = _read_headers(offered, folder, table)
    chosen = tuple(
        one
        for one in offered
        if all(each.holds(_described(one, headers[one.product.path])) for each in conditions)
    )
    if chosen:
        return chosen
    known = {keyword for values in headers.values() for keyword in values}
    absent = [c.keyword for c in conditions if c.keyword is not None and c.keyword not in known]
    why = f"; none has a card {', '.join(absent)}" if absent else ""
    meant = " and ".join(one.text for one in conditions)
    raise UsageError("no_products", f"no product of the night meets {meant}{why}")


def _read_headers(
    offered: Sequence[Offered], folder: Path | None, table: Callable[[], Mapping[str, Values]]
) -> dict[str, Values]:
    headers: dict[str, Values] = {}
    for one in offered:
        if folder is None or not one.is_here:
            continue
        try:
            headers[one.product.path] = header_values(read_product_cards(folder / one.product.path))
        except (DataError, OSError):
            continue  # damaged here: what the archive has will be fetched
    lacking = [one.product.path for one in offered if one.product.path not in headers]
    if lacking:
        rows = table()
        for path in lacking:
            if path not in rows:
                raise DataError("no_header_table", f"the night's table of headers lacks {path}")
            headers[path] = rows[path]
    return headers


def _described(one: Offered, values: Values) -> Described:
    path, name = one.product.path, one.product.name
    ends = values.get("MJD-STR"), values.get("MJD-END")
    times = [_unix_us(end) for end in ends if isinstance(end, Number)]
    span_us = (times[0], times[1]) if len(times) == len(ends) else None
    return Described((path, name, name.partition(".")[0]), values.get, span_us)


def _unix_us(mjd: Number) -> int:
    return round((float(mjd) - _UNIX_MJD) * _DAY_US)
