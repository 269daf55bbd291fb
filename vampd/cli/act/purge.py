"""vampctl purge: give the space of raw cubes back, when all of them is proven at the archive.

One module, however long: what is shown, asked and done of one night, in this order.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vampd.cli.act.copy_reading import read_copy
from vampd.cli.act.run import continue_night
from vampd.cli.act.verify import show_reading
from vampd.cli.running import describe_os_error
from vampd.cli.shared.nights import choose_record, named, parse_night, title_of
from vampd.cli.shared.output import write, write_error, write_prose
from vampd.cli.shared.requests import ask, ask_after
from vampd.cli.shared.session import (
    ConfigOption,
    DryRunOption,
    KindOption,
    YesOption,
    acting_or_asking,
    actor_name,
    agreed,
    refuse_nan,
)
from vampd.cli.shared.words import count_of, describe_raw, format_size, format_time
from vampd.errors import EXIT_NIGHT, VampdError
from vampd.model.deed import Choices, Verb
from vampd.model.nights import Event, EventName, Status, name_commands

if TYPE_CHECKING:
    from vampd.engine.purge.plan import PurgePlan, PurgeRules
    from vampd.engine.purge.purging import PurgeTools
    from vampd.engine.purge.survey import PurgeSurvey
    from vampd.model.nights import NightRecord
    from vampd.wiring.connections import Connections

_LISTED = 5
# What befalls a night that goes through its stages.
_ON_ITS_WAY = frozenset(
    {
        EventName.CLAIMED,
        EventName.ADVANCED,
        EventName.FAILED,
        EventName.INTERRUPTED,
        EventName.ABANDONED,
    }
)

NightsArgument = Annotated[
    list[str],
    typer.Argument(metavar="NIGHT", help="20251106 or 2025-11-06.", show_default=False),
]
AfterOption = Annotated[
    float | None,
    typer.Option(
        "--after",
        metavar="DAYS",
        help="Only mark the night: its raw cubes may go after so many days.",
        show_default=False,
        min=0,
        max=36_525,
        callback=refuse_nan,
    ),
]
SameDiskOption = Annotated[
    list[str] | None,
    typer.Option(
        "--same-disk",
        metavar="NIGHT",
        help="The night again, if its archive copy lies on the disk of the raw cubes.",
        show_default=False,
    ),
]


def purge(
    context: typer.Context,
    nights: NightsArgument,
    dry_run: DryRunOption = False,
    after: AfterOption = None,
    yes: YesOption = False,
    same_disk: SameDiskOption = None,
    kind: KindOption = None,
    config: ConfigOption = None,
) -> None:
    """Give back the space of raw cubes, after asking.

    Never happens by itself. Shows first what goes, what stays and what is done before: headers and
    timing files of the cubes are sent to the archive, compressed, a cube with a frame in no product
    is sent whole under vbad/, and what was read there longer ago than [purge] proof_within_days is
    read again. Then each cube is looked at once more, put on record, and removed with its timing
    file. Refused, with every reason, unless the night is safe and its products are whole here,
    STARS has acknowledged its manifests, all of its raw files can be read and none is a link, and
    the archive is another disk. A set-aside cube that is not whole there stays. Interrupted, the
    same command resumes it.

    With --after, the night is only marked: `vampctl status` shows from when on it may be purged,
    and `vampctl hold` takes the mark away.
    """
    with acting_or_asking(context, config, Verb.PURGE) as (connections, asks):
        if asks:
            records = connections.store.nights()
            retyped = {parse_night(night) for night in same_disk or ()}
            for night in nights:
                _ask_to_purge(
                    connections, choose_record(records, night, kind), after, retyped, dry_run, yes
                )
            return
        if dry_run:
            connections.root.recognize()  # without the mark that it may still lack
        else:
            connections.root.require_certain()
        records = connections.store.nights()
        chosen = [choose_record(records, night, kind) for night in nights]
        retyped = {parse_night(night) for night in same_disk or ()}
        failed = 0
        for record in chosen:
            name = named(record.night, records)
            try:
                if not dry_run and after is None and _is_interrupted(connections, record):
                    continue_night(connections.settings, record.night, lambda: None)
                    record = connections.store.night(record.night) or record
                one = _Night(connections, record, name, retyped)
                failed += not (
                    one.purge(dry_run, yes) if after is None else one.mark(after, dry_run)
                )
            except (VampdError, OSError) as error:
                said = _describe(error)
                if said is None:
                    raise
                write_error(f"{title_of(record.night)}: {name_commands(said, name)}")
                failed += 1
    if failed:
        raise typer.Exit(EXIT_NIGHT)


def _describe(error: VampdError | OSError) -> str | None:
    return describe_os_error(error) if isinstance(error, OSError) else error.message


def _is_interrupted(connections: Connections, record: NightRecord) -> bool:
    """Whether the night is on its way with what a purge gave it to be sent, and nothing else."""
    if record.state.status not in (Status.READY, Status.RUNNING, Status.WAITING):
        return False
    history = reversed(connections.store.history(record.night))
    began = next((each.event for each in history if each.event not in _ON_ITS_WAY), None)
    return began is EventName.EXTENDED


def _ask_to_purge(
    connections: Connections,
    record: NightRecord,
    after: float | None,
    retyped: set[str],
    dry_run: bool,
    yes: bool,
) -> None:
    title, raw = title_of(record.night), describe_raw(record)
    choices = Choices(after_days=after, same_disk=record.night.date in retyped)
    what = "remove the raw cubes of" if after is None else f"mark for {after:g} days from now"
    ask_after(
        f"Ask to {what} {title}, as it is now ({record.state.status} at {record.state.stage}"
        f"{f', {raw}' if raw else ''})?",
        lambda: ask(connections, record, Verb.PURGE, choices=choices),
        dry_run=dry_run,
        yes=yes,
    )


@dataclass(frozen=True)
class _Night:
    """One night of the command; ``name`` is it as commands take it."""

    connections: Connections
    record: NightRecord
    name: str
    retyped: set[str]

    @property
    def folder(self) -> Path:
        return self.connections.settings.watch.root / self.record.night.folder

    @property
    def rules(self) -> PurgeRules:
        from vampd.engine.purge.plan import PurgeRules

        within = self.connections.settings.purge.proof_within_days
        return PurgeRules(within, self.record.night.date in self.retyped)

    def look(self) -> tuple[PurgeSurvey, PurgePlan]:
        from vampd.engine.purge.plan import plan_purge
        from vampd.engine.purge.survey import survey_purge

        connections, night = self.connections, self.record.night
        archive = connections.archive(night.kind)
        survey = survey_purge(
            self.record,
            connections.store,
            connections.reader,
            self.folder,
            lambda: archive.device(night),
        )
        return survey, plan_purge(survey, self.rules, time.time())

    def mark(self, days: float, dry_run: bool) -> bool:
        """Mark the night for deletion; show what stands against it now."""
        from vampd.engine.purge.purging import mark_for_purge

        survey, plan = self.look()
        self._show(survey, plan, {"not_due"})
        if any(refusal.code == "not_safe" for refusal in plan.refusals):
            return False
        if dry_run or not survey.presence.kept:
            write("nothing was changed")
            return True
        due = mark_for_purge(self._tools(), days)
        write_prose(
            f"{title_of(self.record.night)}: marked for deletion; from {format_time(due)} on"
            f" `vampctl purge {self.name}` removes its raw cubes, and until then `vampctl hold"
            f" {self.name}` takes the mark away"
        )
        return True

    def _unmark(self) -> None:
        """Take the mark away from a night that has no raw cube left."""
        event, actor = Event(EventName.UNMARKED), actor_name()
        self.connections.store.apply(self.record.night, event, at=time.time(), actor=actor)
        write("the mark for deletion was taken away")

    def _disprove(self, plan: PurgePlan) -> None:
        """Take *safe* away, on record, where a file of the archive copy is not there."""
        for refusal in plan.refusals:
            if refusal.code == "not_at_archive" and self.record.safe_at is not None:
                self.connections.store.apply(
                    self.record.night,
                    Event(EventName.DISPROVED),
                    at=time.time(),
                    actor=actor_name(),
                    code="archive_copy_bad",
                    message=refusal.text,
                )

    def purge(self, dry_run: bool, yes: bool) -> bool:
        """Show, ask and purge; whether all went well."""
        from vampd.engine.purge.purging import purge_night

        survey, plan = self.look()
        self._show(survey, plan, set())
        if plan.refusals:
            if not dry_run:
                self._disprove(plan)
            return False
        if not (dry_run or survey.presence.kept) and self.record.purge_after is not None:
            self._unmark()
            return True
        if dry_run or not plan.cubes or (not yes and not agreed("Remove these raw cubes?")):
            write("nothing was changed")
            return True
        removed = purge_night(self._tools(), plan)
        if removed is None:
            return False
        cubes, size = removed
        night = self.record.night
        record = self.connections.store.night(night) or self.record
        write_prose(
            f"{title_of(night)}: {count_of(cubes, 'raw cube')} removed, {format_size(size)};"
            f" safe, {describe_raw(record)}"
        )
        return True

    def _tools(self) -> PurgeTools:
        from vampd.disk.pace import SteadyPace
        from vampd.engine.purge.purging import PurgeTools
        from vampd.wiring.locks import foreground_lock, night_lock

        connections, night = self.connections, self.record.night
        settings = connections.settings
        return PurgeTools(
            night,
            self.folder,
            self.look,
            connections.reader,
            connections.store,
            connections.packing_receipts,
            connections.purged_files,
            lock=lambda: night_lock(settings, night),
            carry_on=lambda begin: continue_night(settings, night, begin),
            read_again=self._read_again,
            foreground=lambda: foreground_lock(settings, night),
            actor=actor_name(),
            pace=SteadyPace(),
            clock=time.time,
        )

    def _read_again(self, wanted: frozenset[str]) -> bool:
        reading = read_copy(
            self.connections, self.record, lambda paths: [path for path in paths if path in wanted]
        )
        show_reading(reading, self.name)
        return reading.is_good

    def _show(self, survey: PurgeSurvey, plan: PurgePlan, untold: set[str]) -> None:
        write_prose(f"{title_of(self.record.night)}: {self.folder}")
        for line in _plan_lines(survey, plan):
            write_prose(f"  {line}")
        for refusal in plan.refusals:
            if refusal.code not in untold:
                write_prose(f"  NOT now  {refusal.code}: {refusal.text}")


def _plan_lines(survey: PurgeSurvey, plan: PurgePlan) -> Iterator[str]:
    streams = Counter(cube[0].file.path.partition("/")[0] for cube in plan.cubes)
    counts = ", ".join(f"{cubes:,} in {stream}" for stream, cubes in sorted(streams.items()))
    if plan.cubes:
        cubes = count_of(len(plan.cubes), "raw cube")
        yield f"goes     {cubes}, {format_size(plan.bytes)}: {counts}"
    else:
        gone = f": {describe_raw(survey.record)}" if survey.presence.removed else ""
        yield f"goes     nothing{gone}"
    for path, reason in plan.kept[:_LISTED]:
        yield f"stays    {path}: {reason}"
    if len(plan.kept) > _LISTED:
        yield f"stays    {len(plan.kept) - _LISTED:,} more"
    if plan.to_record or plan.must_send:
        yield "first    sends the headers and timing files of these cubes, one file a camera"
    if plan.to_send:
        frames = count_of(sum(cube.loose_frames for cube in plan.to_send), "frame")
        cubes, size = count_of(len(plan.to_send), "raw cube"), format_size(plan.bytes_to_send)
        yield f"first    sends {cubes} whole, {size}, under vbad: {frames} of these in no product"
    if plan.is_to_be_sent and survey.transfer.moved_to is not None:
        yield (
            f"by hand  you send these to {survey.transfer.moved_to}, where vampd writes nothing:"
            " the night is held (night_moved) and not safe until it was retried with them there"
        )
    if plan.to_read:
        files = count_of(len(plan.to_read), "file")
        yield f"first    reads {files} again at {survey.identity.destination}"
