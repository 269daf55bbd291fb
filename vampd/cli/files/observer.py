"""What an observer asks for: products of one night, from here or from the archive host."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from vampd.cli.shared.nights import title_of
from vampd.errors import DataError, RootUnknown, UsageError, VampdError
from vampd.model.proofs import Place, live_receipts

if TYPE_CHECKING:
    from vampd.engine.getting.arrival import Form
    from vampd.engine.getting.offer import Hosts, Offered
    from vampd.engine.getting.proof import Arrived
    from vampd.model.cubes import Value
    from vampd.model.headers import Condition
    from vampd.model.nights import NightId
    from vampd.wiring.connections import Connections


class Observer:
    """What an observer asks of one night; ``user`` logs in at the archive host."""

    def __init__(self, connections: Connections, night: NightId, user: str | None) -> None:
        from vampd.config import with_own_ssh
        from vampd.disk.pace import SteadyPace
        from vampd.wiring.world import archive_copies

        self._connections = connections
        self._night = night
        self._pace = SteadyPace()
        settings = with_own_ssh(connections.settings, user)
        self._hosts: Hosts = tuple(archive_copies(settings, night))
        self._folder = self._folder_here()

    def _folder_here(self) -> Path | None:
        settings = self._connections.settings
        try:
            self._connections.root.recognize()
        except RootUnknown:
            return None
        return Path(os.path.realpath(settings.watch.root)) / self._night.folder

    def choose(self, conditions: Sequence[Condition]) -> tuple[Offered, ...]:
        """The products that meet all conditions. UsageError ``no_products``."""
        from vampd.engine.getting.choice import choose_products
        from vampd.engine.getting.offer import offer_old_products, offer_products

        recorded = self._connections.packing_receipts.of(self._night)
        offered = offer_products(live_receipts(recorded), self._folder)
        if not offered and not recorded:
            offered = offer_old_products(self._night, self._folder, self._hosts)
        if not offered:
            raise UsageError("no_products", f"{title_of(self._night)} has no packed products")
        return choose_products(offered, conditions, self._folder, self._read_table)

    def _read_table(self) -> Mapping[str, Mapping[str, Value]]:
        """The night's table of headers by path in the night, from here or the archive."""
        from vampd.disk.reading import read_whole
        from vampd.model.headers import read_table, table_name

        name, reasons = table_name(self._night.date), list[str]()
        with TemporaryDirectory(prefix="vampctl-get-") as made:
            for place, folder in self._table_places(name, Path(made).resolve(), reasons):
                try:
                    text = read_whole(folder / name)
                    self._require_known(name, text)
                    lines = text.decode("utf-8", "surrogateescape").splitlines(keepends=True)
                    rows = read_table(lines)
                except (OSError, VampdError) as error:
                    reasons.append(f"{place}: {error}")
                    continue
                mark = f"/{self._night.date}/"
                return {path.rpartition(mark)[2]: values for path, values in rows.items()}
        raise DataError(
            "no_header_table",
            f"not all products are here, and {name}, which tells of the others, cannot be read"
            f" ({'; '.join(reasons)}); without a condition all products can be had",
        )

    def _table_places(
        self, name: str, made: Path, reasons: list[str]
    ) -> Iterator[tuple[str, Path]]:
        """Where the table lies, one place after the other; the archive's is fetched to ``made``."""
        from vampd.model.plan import Compare

        if self._folder is not None:
            yield "here", self._folder
        for place, host in self._hosts:
            try:
                host.fetch(self._night, made / "table", [name], Compare.CHECKSUM, self._pace)
            except VampdError as error:
                reasons.append(f"{place}: {error.message}")
            else:
                yield place, made / "table"

    def _require_known(self, name: str, text: bytes) -> None:
        """DataError ``other_bytes`` for a table that is not the one that was read before."""
        readings = self._connections.receipts
        known = {
            readings.of(self._night, place)[name].sha256
            for place in Place
            if name in readings.of(self._night, place)
        }
        if known and hashlib.sha256(text).hexdigest() not in known:
            raise DataError("other_bytes", f"{name} is not the table that was written")

    def receive(self, products: Sequence[Offered], out: Path, form: Form) -> Iterator[Arrived]:
        """Each file of these products, as it arrives in ``out``."""
        from vampd.engine.getting.arrival import Delivery
        from vampd.engine.getting.offer import with_digests

        known = with_digests(products, self._night, self._folder, self._hosts, self._pace)
        real = Path(os.path.realpath(out))
        delivery = Delivery(self._night, self._folder, self._hosts, real, form, self._pace)
        return delivery.deliver(known)
