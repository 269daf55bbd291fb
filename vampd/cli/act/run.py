"""vampctl run, process-all: stages in the foreground, with the same attempts as vampd.

One module, however long: both commands are one loop over stages, with what they say meanwhile.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vampd.cli.shared.nights import choose_record, named, night_of_folder, title_of
from vampd.cli.shared.output import stderr_of_now, write, write_error, write_prose
from vampd.cli.shared.progress import expected_end
from vampd.cli.shared.session import (
    ConfigOption,
    KindOption,
    actor_name,
    owners_only,
    settings_of,
    work_as_owner,
)
from vampd.cli.shared.words import count_of, format_duration
from vampd.errors import EXIT_NIGHT, UsageError, VampdError
from vampd.model.nights import (
    Kind,
    NightId,
    StageName,
    Status,
    WaitCode,
    name_commands,
    parse_night_date,
    stages_of,
)

if TYPE_CHECKING:
    from vampd.config import Settings
    from vampd.engine.attempt import AttemptOutcome
    from vampd.engine.foreground import Completeness, ForegroundRunner
    from vampd.model.nights import NightRecord, Wait
    from vampd.model.progress import NightEnd

_LOOK_S = 0.2
_EXPECT_EVERY_S = 5.0
_INTERRUPTED = 130  # as shells report a program that SIGINT ended
_STAGES = ", ".join(StageName)
_PASSED_OVER = frozenset({Status.DONE, Status.LEGACY})

NightOrFolder = Annotated[
    str,
    typer.Argument(
        metavar="NIGHT|FOLDER", help="20251106, 2025-11-06, or its folder.", show_default=False
    ),
]
UntilOption = Annotated[
    StageName | None,
    typer.Option(
        "--until", metavar="STAGE", help=f"The last stage: {_STAGES}.", show_default=False
    ),
]
OnlyOption = Annotated[
    StageName | None,
    typer.Option("--only", metavar="STAGE", help="Only this stage.", show_default=False),
]
AsItIsOption = Annotated[
    bool,
    typer.Option(
        "--as-it-is",
        help="The night is complete as it is: incomplete cubes are set aside.",
    ),
]
KindArgument = Annotated[
    Kind | None, typer.Argument(metavar="archive|engineering", show_default=False)
]


def run(
    context: typer.Context,
    night: NightOrFolder,
    until: UntilOption = None,
    only: OnlyOption = None,
    as_it_is: AsItIsOption = False,
    kind: KindOption = None,
    config: ConfigOption = None,
) -> None:
    """Run a night's stages now, in the foreground.

    Up to its end, up to a stage, or one stage alone. A finished stage does only what is missing. A
    filling night is run at any hour, but not while raw cubes are incomplete; the command names
    them. After watch.stale_after_s without a change, or with --as-it-is, they are set aside; frames
    that come later are processed later.

    vampd may be running or not: it leaves the night alone meanwhile, and resumes it afterwards
    unless it is held. A night that you hold is held again at the end, so that `hold` and then `run
    --only` go step by step.

    Interrupted (Ctrl-C), the night returns to its previous state.
    """
    if until is not None and only is not None:
        raise UsageError("two_ends", "--until and --only exclude each other: choose one")
    from vampd.engine.foreground import Completeness

    settings = settings_of(context, config)
    with _runner(settings) as runner:
        chosen = _choose(runner, night, kind)
        completeness = Completeness.OF_A_PERSON if as_it_is else Completeness.OF_THE_DISK
        if not _run_night(runner, chosen, until, only, completeness):
            raise typer.Exit(EXIT_NIGHT)


def process_all(
    context: typer.Context, kind: KindArgument = None, config: ConfigOption = None
) -> None:
    """Run every night that waits to be processed, oldest first.

    In the foreground, as vampd would do it: nights that still fill, are held, or wait for their
    hour or for an older night are skipped, with the reason. Without a kind, both kinds.
    """
    from vampd.engine.foreground import Completeness

    settings = settings_of(context, config)
    failed = ran = 0
    with _runner(settings) as runner:
        for record in runner.store.nights():
            if kind not in (None, record.night.kind) or record.state.status in _PASSED_OVER:
                continue
            reason = runner.reason_to_pass_over(record)
            if reason is not None:
                write_prose(f"{title_of(record.night)}: skipped: {reason.text}")
                continue
            ran += 1
            failed += not _run_night(runner, record.night, None, None, Completeness.OF_THE_DISK)
    if ran:
        write(f"{count_of(ran, 'night')} processed, {failed} of them with an error")
    else:
        write("no night can be processed now")
    if failed:
        raise typer.Exit(EXIT_NIGHT)


def continue_night(settings: Settings, night: NightId, begin: Callable[[], object]) -> bool:
    """Do ``begin``, then run the night's stages to its end, with the daemon kept from it.

    Returns whether all went well; writes what was run.
    """
    from vampd.engine.foreground import Completeness

    with _runner(settings) as runner:
        return _run_night(runner, night, None, None, Completeness.OF_THE_DISK, begin)


@contextmanager
def _runner(settings: Settings) -> Iterator[ForegroundRunner]:
    from vampd.log import LogLevel, LogTarget, configure_log
    from vampd.wiring.foreground import foreground_runner

    configure_log(LogTarget.CONSOLE, LogLevel.ERROR, stream=stderr_of_now())
    # Ended by `kill`, the night returns to its previous state as well.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    work_as_owner(settings)
    with owners_only(), foreground_runner(settings, actor_name()) as runner:
        yield runner


def _choose(runner: ForegroundRunner, text: str, kind: Kind | None) -> NightId:
    root = runner.settings.watch.root
    if parse_night_date(text.replace("-", "")) is None and (os.sep in text or Path(text).is_dir()):
        return night_of_folder(Path(text), root)
    known = {record.night for record in runner.store.nights()}
    date = text.replace("-", "")
    for candidate in (NightId(date, k) for k in Kind) if parse_night_date(date) else ():
        if candidate not in known and (root / candidate.folder).is_dir():
            runner.store.discover(candidate, time.time())
    return choose_record(runner.store.nights(), text, kind).night


def _run_night(
    runner: ForegroundRunner,
    night: NightId,
    until: StageName | None,
    only: StageName | None,
    completeness: Completeness,
    begin: Callable[[], object] = lambda: None,
) -> bool:
    """Run the requested stages; return whether all went well."""
    write(title_of(night))
    try:
        with runner.having(night):
            begin()
            record = runner.prepare(night, only, completeness)
            last = only or until or stages_of(night.kind)[-1]
            stages = stages_of(night.kind)
            if last not in stages:
                raise UsageError("no_such_stage", f"{night.kind} nights have no stage {last}")
            done = record.state.status is Status.DONE
            if done or stages.index(record.state.stage) > stages.index(last):
                write(f"  nothing left to do{'' if done else f' up to {last}'}")
                return True
            for stage in stages[stages.index(record.state.stage) : stages.index(last) + 1]:
                if not _run_stage(runner, night, stage, last):
                    return False
    except UsageError:
        raise
    except VampdError as error:
        sys.stdout.flush()
        write_error(f"  {error.code}: {name_commands(error.message, night.date)}")
        return False
    return True


def _run_stage(runner: ForegroundRunner, night: NightId, stage: StageName, last: StageName) -> bool:
    from vampd.engine.attempt import AttemptOutcome

    if blocker := runner.blocker(night):
        raise VampdError("blocked", f"{blocker.text}; {_way_past(runner, night, blocker)}")
    began = time.monotonic()
    outcome = _follow(runner, night, stage, last)
    took = format_duration(time.monotonic() - began)
    record = runner.store.night(night)
    if outcome is AttemptOutcome.FINISHED:
        write(f"  {stage:<9} done in {took}")
        return True
    if outcome is AttemptOutcome.ABANDONED:
        write(f"  {stage:<9} interrupted; it resumes from here")
        raise typer.Exit(_INTERRUPTED)
    if outcome is AttemptOutcome.SUPERSEDED or record is None:
        raise VampdError("night_taken", f"{stage} was stopped: a person moved the night meanwhile")
    raise VampdError(
        record.code or "failed",
        f"{stage} failed after {took}, the night is {record.state.status} now: {record.error}",
    )


def _way_past(runner: ForegroundRunner, night: NightId, blocker: Wait) -> str:
    """What lets a night pass what blocks it."""
    if blocker.code is WaitCode.OLDER_NIGHT:
        return f"`vampctl release {named(night, runner.store.nights())}` lets it pass"
    return "set it in the configuration to who grants them; `vampctl doctor` checks it"


def _follow(
    runner: ForegroundRunner, night: NightId, stage: StageName, last: StageName
) -> AttemptOutcome:
    """Run the stage in a thread, and show its progress until it ends."""
    from vampd.cli.shared.stage_bar import following

    outcomes: list[AttemptOutcome] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            outcomes.append(runner.run_stage(night, last))
        except BaseException as error:  # noqa: BLE001 - raised again below, in the main thread
            errors.append(error)
        finally:
            ended.set()

    ended = threading.Event()
    thread = threading.Thread(target=work, name=f"{night} {stage}")
    with _ending_at_interrupt(runner):
        thread.start()
        with following(stage) as show:
            end, looked_at = None, -math.inf
            while not ended.wait(_LOOK_S):
                record = runner.store.night(night)
                if record is None:
                    continue
                if time.monotonic() - looked_at >= _EXPECT_EVERY_S:
                    end, looked_at = _expected_end(runner, record), time.monotonic()
                show(record, end, "paused: a camera writes" if runner.is_paused else "")
        thread.join()
    if errors:
        raise errors[0]
    return outcomes[0]


def _expected_end(runner: ForegroundRunner, record: NightRecord) -> NightEnd | None:
    return expected_end(record, runner.store.nights(), runner.store.history, time.time())


@contextmanager
def _ending_at_interrupt(runner: ForegroundRunner) -> Iterator[None]:
    """An interrupt ends the attempt.

    Not by an exception: one that is raised in a library's cleanup is lost, and one between two
    statements leaves the thread behind.
    """
    before = signal.signal(signal.SIGINT, lambda *_: runner.end())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
