"""Taking on a night of the old tools from where they left it, at a person's word.

What they did comes on record first, as by `adopt`; then the night is one that runs. Whatever ends
it in between, doing it again completes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from vampd.config import Settings, WhenMissing
from vampd.disk.failpoint import failpoint
from vampd.engine.nights.foreign_entries import refuse_twin
from vampd.engine.nights.old_cron import (
    find_jobs,
    find_life_signs,
    look_for_plan,
    read_crontabs,
)
from vampd.engine.nights.old_evidence import read_evidence, read_loose_manifests
from vampd.engine.repair.adopting import adopt_nights
from vampd.errors import DataError, VampdError
from vampd.fits.headers import read_product_cards
from vampd.model.accounts import Adoption, Continuation, judge_continuation
from vampd.model.headers import Dictionary, find_missing, format_cards
from vampd.model.nights import Event, EventName, Kind, NightId, Status, Stream
from vampd.ports import Adoptions, Ledger, NightStore

_NAMED = 5


def plan_continuation(
    adoption: Adoption,
    settings: Settings,
    dictionary: Dictionary,
    now: float,
    crontabs: Iterable[tuple[str, str]] | None = None,
) -> Continuation:
    """What going on with this night means, and what forbids it; nothing is changed.

    ``crontabs`` are those of this machine unless they are given.
    """
    root, night = settings.watch.root, adoption.night
    loose = read_loose_manifests(root).get(night, ())
    seen = read_evidence(root, night, adoption.claims, loose)
    found = judge_continuation(seen, adoption)
    refusals, remarks = list(found.refusals), list(found.remarks)
    if seen.has_folder:
        refusals += _find_twins(root, night)
    jobs = find_jobs(read_crontabs() if crontabs is None else crontabs)
    refusals += _find_danger(root, night, (*find_life_signs(root, now), *jobs))
    lacking, formless = _check_headers(root / night.folder, found, settings, dictionary)
    if lacking and settings.headers.when_missing is WhenMissing.HOLD:
        refusals.append(f"{lacking}, and headers.when_missing is {WhenMissing.HOLD.value!r}")
    elif lacking:
        remarks.append(lacking)
    if formless:
        remarks.append(formless)
    if loose and night.kind is Kind.ARCHIVE:
        remarks.append("a manifest beside the nights lists its products: STARS may know them")
    return replace(found, refusals=tuple(refusals), remarks=tuple(remarks))


def take_on_night(
    found: Continuation,
    store: NightStore,
    ledger: Ledger,
    records: Adoptions,
    *,
    at: float,
    actor: str,
) -> None:
    """Do it; whoever calls this holds the night's locks. DataError ``not_continuable``."""
    night = found.adoption.night
    _refuse_unsafe(found)
    _refuse_begun(store, night)
    adopt_nights([found.adoption], store, ledger, records, at=at, actor=actor)
    store.apply(
        night,
        Event(EventName.CONTINUED),
        at=at,
        actor=actor,
        message=f"taken on from the old tools: {found.describe()}",
    )
    failpoint("continuing.night.continued")


def _refuse_unsafe(found: Continuation) -> None:
    """DataError ``not_continuable`` says why the night stays as it is."""
    if found.refusals:
        more = len(found.refusals) - _NAMED
        named = "; ".join(found.refusals[:_NAMED]) + (f"; and {more:,} more" if more > 0 else "")
        raise DataError(
            "not_continuable",
            f"{found.adoption.night.date} is not taken on, and nothing of it was changed: {named}",
            night=str(found.adoption.night),
        )


def _refuse_begun(store: NightStore, night: NightId) -> None:
    """DataError ``not_continuable`` of a night that is none of the old tools any more."""
    record = store.night(night)
    if record is not None and record.state.status is not Status.LEGACY:
        raise DataError(
            "not_continuable",
            f"{night.date} is {record.state.status} at {record.state.stage}: vampd has begun it",
        )


def _find_twins(root: Path, night: NightId) -> Iterator[str]:
    try:
        refuse_twin(root, night)
    except VampdError as error:
        yield error.message


def _find_danger(root: Path, night: NightId, signs: Sequence[str]) -> Iterator[str]:
    """What the old cron, where it lives, would do to this very night."""
    if not signs:
        return
    plan, folder = look_for_plan(root), f"{night.folder.as_posix()}/"
    takes = night in plan.takes
    deletes = [path for path, _ in plan.deletes if path.startswith(folder)]
    if takes or deletes:
        what = f"delete {deletes[0]}" if deletes else "process it once more"
        yield f"the old tools' cron lives ({signs[0]}) and would {what}: switch it off first"


def _check_headers(
    folder: Path, found: Continuation, settings: Settings, dictionary: Dictionary
) -> tuple[str, str]:
    """What the products' headers lack, and how many are out of the dictionary's form."""
    lacking: Counter[str] = Counter()
    formless = 0
    names = [f"{name}.fits.fz" for name in found.packed] + [f"{name}.fits" for name in found.plain]
    for name in names:
        try:
            cards = read_product_cards(folder / Stream.VGEN2 / name)
        except VampdError:
            continue  # named by the evidence
        lacking.update(find_missing([cards], settings.headers.required))
        formless += bool(format_cards(cards, dictionary).edits)
    missing = ", ".join(f"{keyword} in {count:,}" for keyword, count in sorted(lacking.items()))
    return (
        f"of {len(names):,} products, headers lack {missing}" if missing else "",
        f"of {len(names):,} products, {formless:,} have cards out of the dictionary's form, which"
        " stay so: their headers are checked and not edited"
        if formless
        else "",
    )
