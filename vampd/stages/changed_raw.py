"""Raw files that changed after sync had used them, held against what was made of them.

What gives the same again is taken up; what does not holds the night, until it is put back or a
person keeps what was made of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from vampd.errors import DataError
from vampd.model.cubes import ChangedRaw, CubeAccount, RawFinding
from vampd.model.nights import FileStamp, Gate, NightId
from vampd.model.plan import AcceptRaw, CompareRaw, Plan
from vampd.model.proofs import PackingReceipt
from vampd.stages.set_aside import aside_path


@dataclass(frozen=True)
class ChangedFiles:
    """Files as sync saw them and as they are; ``known`` is what earlier comparisons found."""

    night: NightId
    files: tuple[tuple[FileStamp, FileStamp], ...] = ()
    known: Mapping[str, ChangedRaw] = field(default_factory=dict)

    def finding(self, synced: FileStamp, now: FileStamp) -> ChangedRaw | None:
        """What was found of a file as it is now; None if it was not compared yet."""
        known = self.known.get(now.path)
        is_this = known is not None and (known.synced, known.now) == (synced, now)
        return known if is_this else None


def find_changes(
    account: CubeAccount,
    fits: FileStamp,
    timing_file: FileStamp | None,
    known: Mapping[str, ChangedRaw],
    removed: Collection[str] = (),
) -> Iterator[tuple[FileStamp, FileStamp]]:
    """The files of a cube that are not as sync saw them, each as it was then and as it is now.

    DataError ``raw_changed`` if its timing file is gone, and not among the ``removed`` ones.
    """
    for synced, now in ((account.fits, fits), (account.timing_file, timing_file)):
        if synced == now or synced is None or (now is None and synced.path in removed):
            continue
        if now is None:
            raise DataError(
                "raw_changed",
                f"{synced.path} is gone, which sync had used: bring it back, then `vampctl retry"
                " NIGHT`",
                path=synced.path,
            )
        earlier = known.get(now.path)
        # One that was taken up before is compared with what sync saw, not with that.
        yield earlier.synced if earlier is not None and earlier.now == synced else synced, now


def are_retimed(
    files: Collection[tuple[FileStamp, FileStamp]],
    receipts: Mapping[str, PackingReceipt],
    changed: ChangedFiles,
) -> bool:
    """Whether these files of a set-aside cube may be what was sent, at other times."""
    return all(
        synced.size == now.size
        and aside_path(now.path) in receipts
        and ((found := changed.finding(synced, now)) is None or found.is_taken_up)
        for synced, now in files
    )


def plan_changed(changed: ChangedFiles) -> Plan:
    """Compare what was not compared yet; accept what is another file, behind `refuse_changed`.

    DataError ``raw_changed`` of what nothing was made of yet: only a restore begins with it anew.
    """
    unseen = tuple(pair for pair in changed.files if changed.finding(*pair) is None)
    if unseen:
        return Plan.of([CompareRaw(unseen)])
    unpacked = _found(changed, RawFinding.UNPACKED)
    if unpacked:
        date = changed.night.date
        raise _error(
            unpacked,
            f"put back what sync had used, then `vampctl retry {date}`; or `vampctl restore {date}`"
            f" and `vampctl retry {date}` begin with it as it is now",
        )
    other = _found(changed, RawFinding.OTHER)
    accepted = tuple(replace(each, finding=RawFinding.ACCEPTED) for each in other)
    return Plan.of([AcceptRaw(accepted)] if accepted else [])


def refuse_changed(changed: ChangedFiles, released: Collection[Gate]) -> None:
    """The gate before products are kept that raw does not give again; DataError ``raw_changed``."""
    other = _found(changed, RawFinding.OTHER)
    if not other or Gate.RAW_CHANGED in released or _found(changed, RawFinding.UNPACKED):
        return
    date = changed.night.date
    raise _error(
        other,
        f"put back what sync had used, then `vampctl retry {date}`; or `vampctl release {date}`"
        " keeps the products as they are, and this file as it is",
    )


def _found(changed: ChangedFiles, finding: RawFinding) -> list[ChangedRaw]:
    found = (changed.finding(*pair) for pair in changed.files)
    return [each for each in found if each is not None and each.finding is finding]


def _error(found: list[ChangedRaw], cure: str) -> DataError:
    first = found[0]
    more = f"; and {len(found) - 1:,} more" if len(found) > 1 else ""
    return DataError(
        "raw_changed",
        f"{first.path} is not the file that sync had used: {first.why}{more}: {cure}",
        path=first.path,
    )
