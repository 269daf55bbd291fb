"""sync: pair the two cameras' frames in time, split them by FLC state, cut them into cubes.

Decisions are committed as a generation file before the first framelist is written; missing
framelists are made from it. Cubes that no generation accounts for are late and form the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date

from vampd import __version__
from vampd.config import Settings
from vampd.model.cubes import (
    FramelistHead,
    Generation,
    RawCube,
    SetAside,
    generation_name,
    set_aside_cubes,
)
from vampd.model.headers import refuse_keywords
from vampd.model.nights import DAY_US, NightId, StageName, Stream
from vampd.model.plan import (
    CommitGeneration,
    Plan,
    PutAway,
    Remark,
    Retire,
    WriteFramelist,
)
from vampd.model.proofs import live_receipts
from vampd.model.sync import (
    GoneSpan,
    Limits,
    SyncRules,
    Withdrawal,
    count_gone_partners,
    count_late_partners,
    find_gone_spans,
    join,
    lay_over,
    set_aside_duplicates,
    synchronize,
    withdraw,
)
from vampd.model.trigger import PLAIN, Kernels
from vampd.ports import SyncReader
from vampd.stages.changed_raw import ChangedFiles, plan_changed
from vampd.stages.clocks import collided, find_colliding_cubes, set_aside_absurd
from vampd.stages.late_cubes import LET_GO, read_late_cubes, read_neighbors, read_peers, verdict_of
from vampd.stages.records.begun import retire_begun
from vampd.stages.records.corrections import (
    CorrectionsSurvey,
    proposal_remarks,
    refuse_other_cut,
    survey_corrections,
)
from vampd.stages.records.lost_aside import LostAside, end_lost_aside, find_lost_aside
from vampd.stages.records.lost_products import LostProducts, find_lost_products
from vampd.stages.set_aside import SetAsideSurvey, plan_set_aside, survey_set_aside

NAME = StageName.SYNC


@dataclass(frozen=True)
class SyncSurvey:
    """What sync reads.

    ``late`` and ``late_set_aside`` are the cubes that no generation accounts for; ``present``
    holds the identities of the products that exist as framelist or packed; ``raw_paths`` are all
    files in the camera streams; ``neighbors`` are the used cubes that late ones may overlap in
    time, ``peers`` others of the same cameras; ``midnight_us`` is 0:00 UT of the night's date.
    ``changed`` are used files that are not as sync saw them; of ``corrections``, those that other
    generations were decided without leave none of these counting. ``let_go`` are the files that a
    person let the night go on without; ``made`` holds the identities of the products that are
    packed, or were, but for those that are ``lost``; ``framelists`` those that are not, and
    ``sidecars`` the paths of all timing files in vgen2.
    """

    generations: tuple[Generation, ...]
    late: tuple[RawCube, ...]
    late_set_aside: tuple[SetAside, ...]
    changed: ChangedFiles
    present: frozenset[str]
    raw_paths: frozenset[str]
    set_aside: SetAsideSurvey
    midnight_us: int
    neighbors: tuple[RawCube, ...] = ()
    peers: tuple[RawCube, ...] = ()
    let_go: frozenset[str] = frozenset()
    made: frozenset[str] = frozenset()
    framelists: tuple[FramelistHead, ...] = ()
    sidecars: frozenset[str] = frozenset()
    lost: LostProducts = field(default_factory=LostProducts)
    lost_aside: LostAside = field(default_factory=LostAside)
    corrections: CorrectionsSurvey = field(default_factory=CorrectionsSurvey)


def survey(night: NightId, reader: SyncReader) -> SyncSurvey:
    """Read the generations, and header and timing of every cube that is late or set aside.

    DataError and TransientError as `read_late_cubes`; DataError as `survey_corrections`.
    """
    generations = reader.generations(night)
    corrections = survey_corrections(night, reader, generations)
    if corrections.replaces:
        generations = ()
    files = {file.path: file for file in reader.raw_files(night)}
    late = read_late_cubes(night, reader, files, generations)
    heads = reader.framelist_heads(night)
    packed = frozenset(each.identity for each in reader.packed_products(night) if each.identity)
    receipts = live_receipts(reader.packing_receipts(night)).values()
    lost = find_lost_products(night, reader, generations)
    made = packed | frozenset(each.identity for each in receipts if each.identity)
    return SyncSurvey(
        generations=generations,
        late=late.usable,
        late_set_aside=late.set_aside,
        changed=late.changed,
        present=frozenset(head.identity for head in heads) | packed,
        raw_paths=frozenset(files),
        set_aside=survey_set_aside(night, reader, generations),
        midnight_us=(night.day - date(1970, 1, 1)).days * DAY_US,
        neighbors=read_neighbors(night, reader, files, generations, late.usable),
        peers=read_peers(night, reader, files, generations, late.usable),
        let_go=reader.let_go(night),
        made=made - lost.files.keys(),
        framelists=heads,
        sidecars=frozenset(
            file.path for file in reader.files(night, "vgen2") if file.path.endswith(".txt")
        ),
        lost=lost,
        lost_aside=find_lost_aside(night, reader, generations, files),
        corrections=corrections,
    )


def plan(survey: SyncSurvey, settings: Settings) -> Plan:
    """A generation for late cubes; else whatever the generations still lack.

    Used files that changed are compared before; DataError as `plan_changed`.
    """
    changed = plan_changed(survey.changed)
    if changed:
        return changed
    refuse_keywords(survey.corrections.found, settings.headers.may_correct)
    news = _find_news(survey)
    if news:
        generation = _next_generation(survey, news, settings)
        refuse_other_cut(survey.changed.night, survey.corrections, generation)
        replaced = survey.corrections.replaces
        if replaced and survey.framelists:
            # Gone before the decision that they were made from counts no more.
            kept_as = generation_name(replaced[-1])
            kept = {head.identity: kept_as for head in survey.framelists}
            return Plan.of(*retire_begun(survey.framelists, survey.sidecars, kept))
        proposed = proposal_remarks(survey.corrections.found)
        return Plan.of([CommitGeneration(generation)], remarks=(*_remarks(generation), *proposed))
    framelists = [
        WriteFramelist(product, generation.version, generation.form)
        for generation in survey.generations
        for product in generation.products
        if product.identity not in survey.present
    ]
    away = [PutAway(paths) for paths in survey.lost.left]
    aside = (*end_lost_aside(survey.lost_aside), *plan_set_aside(survey.set_aside).waves)
    return Plan.of(framelists, *_retire_withdrawn(survey), away, *aside)


def adds_data(plan: Plan) -> bool:
    """Whether the plan takes up late data."""
    return any(isinstance(action, CommitGeneration) for wave in plan.waves for action in wave)


@dataclass(frozen=True)
class _News:
    """What a new generation is for."""

    fresh: tuple[RawCube, ...]
    set_aside: tuple[SetAside, ...]
    withdrawal: Withdrawal
    gone: tuple[GoneSpan, ...]

    def __bool__(self) -> bool:
        return bool(self.fresh or self.set_aside or self.withdrawal)


def _find_news(survey: SyncSurvey) -> _News:
    gone = tuple(find_gone_spans(survey.generations, survey.raw_paths))
    aside = set_aside_cubes(survey.generations)
    products = (product for each in survey.generations for product in each.products)
    sound, absurd = set_aside_absurd(
        survey.late,
        survey.midnight_us,
        aside=aside,
        used={Stream(part.cube.partition("/")[0]) for p in products for part in p.ranges},
        let_go=survey.let_go,
        peers=(*survey.peers, *survey.neighbors),
    )
    fresh, repeated = set_aside_duplicates(sound, survey.neighbors, gone)
    # What is beside the same cubes as before is no news.
    new = [
        cube
        for cube in (*absurd, *repeated)
        if verdict_of(cube) != verdict_of(aside.get(cube.path))
    ]
    withdrawn = withdraw(
        survey.generations,
        survey.let_go,
        made=survey.made,
        listed=frozenset(head.identity for head in survey.framelists),
        reason=LET_GO,
        lost=survey.lost.files,
    )
    withdrawal = withdrawn or survey.lost_aside.news
    return _News(tuple(fresh), (*survey.late_set_aside, *new), withdrawal, gone)


def _retire_withdrawn(survey: SyncSurvey) -> Iterator[list[Retire]]:
    """What was begun of products that were withdrawn: sidecars, then the framelists naming them."""
    wanted = {product.identity for each in survey.generations for product in each.products}
    kept_as = {
        identity: each.file_name
        for each in survey.generations
        for identity in each.withdrawn
        if identity not in wanted
    }
    return retire_begun(survey.framelists, survey.sidecars, kept_as)


def _remarks(generation: Generation) -> Iterator[Remark]:
    subject = f"generation {generation.number}"
    for text in generation.remarks:
        yield Remark("sync_remark", subject, text)
    for bad in generation.set_aside:
        yield Remark(bad.code, bad.path, f"set aside with {bad.count}: {bad.reason}")
    for reason, frames in generation.dubious.items():
        yield Remark(f"dubious_{reason}", subject, f"{frames} frames have no certain FLC state")


def _compiled_kernels() -> Kernels:
    from vampd.fits.trigger import compiled_kernels  # numba is slow to import

    return compiled_kernels()


def _next_generation(survey: SyncSurvey, news: _News, settings: Settings) -> Generation:
    rules = SyncRules(
        gap_us=round(settings.sync.cut_at_gap_s * 1e6),
        span_us=round(settings.sync.cut_after_s * 1e6),
        cut_on=settings.sync.cut_on,
        limits=Limits(settings.sync.largest_error, settings.sync.largest_offset_us),
    )
    corrected = lay_over(
        news.fresh, survey.corrections.found, survey.raw_paths, others=bool(survey.generations)
    )
    fresh, gone = corrected.cubes, news.gone
    earlier = [
        product
        for products in (news.withdrawal.products, *(g.products for g in survey.generations))
        for product in products
    ]
    set_aside = news.set_aside
    counted = [generation.number for generation in survey.generations]
    number = 1 + max((*counted, *survey.corrections.replaces), default=0)
    kernels = _compiled_kernels() if fresh else PLAIN
    while True:
        generation = synchronize(
            fresh,
            set_aside,
            rules,
            number=number,
            version=__version__,
            taken_names=[product.name for product in earlier],
            kernels=kernels,
        )
        colliding = find_colliding_cubes(generation, earlier, survey.let_go)
        if not colliding:
            break
        set_aside += tuple(collided(cube) for cube in fresh if cube.path in colliding)
        fresh = tuple(cube for cube in fresh if cube.path not in colliding)
    generation = replace(
        join(generation, news.withdrawal),
        corrections=survey.corrections.found.sha256,
        replaces=survey.corrections.replaces,
    )
    generation = replace(generation, products=corrected.mark(generation.products))
    partners = count_late_partners(
        fresh, survey.neighbors, limits=rules.limits, kernels=kernels
    ) + count_gone_partners(fresh, gone)
    if not partners:
        return generation
    remark = f"{partners} frames that are in products already would have partners among these"
    return replace(
        generation,
        counts=replace(generation.counts, late_partners=partners),
        remarks=(*generation.remarks, remark),
    )
