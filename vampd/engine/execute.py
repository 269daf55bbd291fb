"""Executing actions: the only place where bytes change.

`execute` is one match over the kinds of action. Every effect is on the disk before the row that
records it is committed. One module, however long: what changes bytes is to be read in one place.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import assert_never

from vampd.config import Settings
from vampd.disk.durable import (
    creating,
    fsync_folder,
    link_durably,
    make_folder,
    put_away,
    remove_durably,
    replacing,
    replacing_one_of_many,
)
from vampd.disk.failpoint import failpoint
from vampd.disk.pace import PAUSED_LOOK_S, SharedPace
from vampd.disk.reading import file_behind, link_target, read_digests
from vampd.disk.refusal import (
    Cause,
    PathAccess,
    classify,
    joining_raw,
    naming_raw,
    translate_refusal,
)
from vampd.disk.shared import SharedMeter
from vampd.engine.alarm.low_space import LowSpaceMarks
from vampd.engine.archive.delivery import Delivery, Lanes
from vampd.engine.archive.sending_ahead import Outbox, SenderAhead
from vampd.engine.attempt_progress import WaveProgress
from vampd.engine.changed_raw import compare_raw, name_refused
from vampd.engine.header_table import write_header_table
from vampd.engine.mailing.manifests import (
    MailContext,
    load_template,
    read_manifest_texts,
    send_manifest_mail,
)
from vampd.engine.nights.framelist_files import read_framelist
from vampd.engine.nights.framelist_source import FramelistSource
from vampd.engine.nights.raw_cube_cache import RawCubeCache
from vampd.engine.packing import metered, take_over_in_worker
from vampd.engine.sight import Sight
from vampd.engine.workers import WorkerPool
from vampd.errors import DataError, TransientError, no_threads
from vampd.log import get_log
from vampd.model.crew import PackOrder
from vampd.model.cubes import (
    PRODUCT_LOST,
    RAW_REMOVED,
    Framelist,
    apply_edits,
    format_framelist,
    generation_parts,
    stamp_frame_id,
)
from vampd.model.delivery import ManifestFile, write_mail_text
from vampd.model.frame_ids import FrameId
from vampd.model.headers import format_cards
from vampd.model.nights import FileStamp, Gate, NightId, Stream
from vampd.model.plan import (
    AcceptRaw,
    Action,
    CommitGeneration,
    CompareRaw,
    EditCards,
    EndReceipts,
    Hash,
    LinkSetAside,
    MarkApplied,
    Pack,
    PutAway,
    ReadGrown,
    RebuildFramelists,
    RecordReceipts,
    RenewReceipts,
    ReserveFrameIds,
    Retire,
    RunsIn,
    Send,
    SendAhead,
    SendMail,
    StampFrameId,
    TakeOver,
    Wave,
    WriteFramelist,
    WriteHeaderTable,
    WriteText,
)
from vampd.model.proofs import Digests, PackingReceipt, Place, Receipt
from vampd.ports import (
    Archive,
    ChangedRawFiles,
    Crew,
    FrameIdAuthority,
    Ledger,
    NightReader,
    PackingReceipts,
    Receipts,
)
from vampd.stages.records.own_paths import sidecar_path
from vampd.stages.set_aside import cube_set_aside

_log = get_log()
_THREADS = 4
# Their names become durable together, at the end of their wave.
_WRITTEN_TOGETHER = (WriteFramelist, EditCards, RebuildFramelists)
_NAMES_TOGETHER = 256
_LOOK_EVERY_S = 1.0


@dataclass(frozen=True)
class AttemptTools:
    """What one attempt at one night acts with."""

    night: NightId
    # Who runs it, as recorded: vampd, or a person in the foreground.
    actor: str
    folder: Path
    settings: Settings
    reader: NightReader
    cubes: RawCubeCache
    receipts: Receipts
    packing_receipts: PackingReceipts
    changed_raw: ChangedRawFiles
    ledger: Ledger
    authority: FrameIdAuthority
    archive_host: Archive
    # The connections to it.
    lanes: Lanes
    workers: WorkerPool
    crew: Crew
    pace: SharedPace
    mail: MailContext
    low_space: LowSpaceMarks
    clock: Callable[[], float] = time.time
    # Who released the night last from a hold with a code.
    releaser: Callable[[str], str | None] = lambda _: None
    # What was packed, for what sends it meanwhile.
    outbox: Outbox = field(default_factory=Outbox)
    # The progress of the cubes that workers are packing, by framelist.
    meters: dict[str, SharedMeter] = field(default_factory=dict)


def execute_wave(tools: AttemptTools, wave: Wave, progress: WaveProgress) -> None:
    """Execute a wave's actions, concurrently where allowed, but for what runs beside them.

    ``progress`` is notified of each completed one, and polled about once a second meanwhile.

    A failing action does not stop the others: a bad cube costs only itself.
    Then the first error is raised, in the order of the wave.
    """
    errors: dict[int, Exception] = {}
    # A thread that waits for a worker costs nothing.
    needs_workers = any(action.runs_in is RunsIn.WORKER for action in wave)
    places = max(tools.workers.workers, tools.crew.most_places) if needs_workers else 0
    # While as many are sent as can be, as many are read there.
    sends = 2 * tools.lanes.count if any(isinstance(action, Send) for action in wave) else 0
    at_once = max(_THREADS, places, sends)
    name = f"vampd-{tools.night.date}"
    running = _Running(tools, progress, errors)
    with ThreadPoolExecutor(at_once, name) as threads:
        for number, action in enumerate(wave):
            match action.runs_in:
                case RunsIn.DAEMON:
                    tools.pace.check()
                    execute(tools, action)
                    progress.done(action)
                case RunsIn.THREAD | RunsIn.WORKER:
                    # As many wait as keep all threads at work: what is kept of one that waits is
                    # several times the action, and a wave may have a hundred thousand.
                    running.wait_for_all_but(2 * at_once)
                    # The log's night, stage and attempt are bound there too.
                    run = contextvars.copy_context().run
                    running.add(number, action, _submit(threads, run, execute, tools, action))
                case RunsIn.BESIDE:
                    continue  # see `executing_beside`
        running.wait_for_all_but(0)
    if errors:
        raise joining_raw(errors[min(errors)], errors.values())
    packed = [path for each in wave if isinstance(each, Pack) for path in _made_by(each)]
    if packed:
        # The next survey goes by the listing.
        Sight(tools.folder, tools.pace).wait_for_names(packed)


def _made_by(action: Pack) -> tuple[str, str]:
    return action.packed, sidecar_path(action.packed)


@contextmanager
def executing_beside(tools: AttemptTools, wave: Wave, progress: WaveProgress) -> Iterator[None]:
    """Meanwhile execute what runs beside the other actions of a wave, until these have ended.

    The block executes the others; an error of what runs beside them is raised if they raise none.
    """
    beside = [action for action in wave if action.runs_in is RunsIn.BESIDE]
    if not beside:
        yield
        return
    errors: dict[int, Exception] = {}
    tools.outbox.begin()
    running = _Running(tools, progress, errors)
    with ThreadPoolExecutor(len(beside), f"vampd-{tools.night.date}-beside") as threads:
        try:
            for number, action in enumerate(beside):
                run = contextvars.copy_context().run
                running.add(number, action, _submit(threads, run, execute, tools, action))
            yield
        finally:
            tools.outbox.close()
        running.wait_for_all_but(0)
    if errors:
        raise errors[min(errors)]


class _Running:
    """Actions in threads, as they end; the errors of those that fail are put with their numbers."""

    def __init__(
        self, tools: AttemptTools, progress: WaveProgress, errors: dict[int, Exception]
    ) -> None:
        self._tools = tools
        self._progress = progress
        self._errors = errors
        self._count = 0
        self._ended: SimpleQueue[tuple[int, Action, Future[None]]] = SimpleQueue()
        # Framelists whose names are not durable yet.
        self._written: list[tuple[int, Action]] = []

    def add(self, number: int, action: Action, future: Future[None]) -> None:
        """An action has been given to a thread."""
        self._count += 1
        future.add_done_callback(lambda ended: self._ended.put((number, action, ended)))

    def wait_for_all_but(self, most: int) -> None:
        """Wait until at most so many have not ended."""
        while self._count > most:
            look_s = PAUSED_LOOK_S if self._tools.pace.paused else _LOOK_EVERY_S
            try:
                number, action, future = self._ended.get(timeout=look_s)
            except Empty:
                self._progress.look()
                continue
            self._count -= 1
            error = future.exception()
            if isinstance(error, Exception):
                self._errors[number] = error
            elif error is not None:
                raise error
            if isinstance(action, _WRITTEN_TOGETHER):
                self._written.append((number, action))
            elif error is None:
                self._progress.done(action)
            if len(self._written) >= _NAMES_TOGETHER:
                self._make_names_durable()
        if most == 0:
            self._make_names_durable()

    def _make_names_durable(self) -> None:
        """One fsync of the folder for many framelists: it costs as much as one of a file."""
        if self._written:
            fsync_folder(self._tools.folder / Stream.VGEN2)
            failpoint("execute.framelists.folder_synced")
            for number, action in self._written:
                if number not in self._errors:
                    self._progress.done(action)
            self._written.clear()


def _submit(
    threads: ThreadPoolExecutor, function: Callable[..., None], *arguments: object
) -> Future[None]:
    try:
        return threads.submit(function, *arguments)
    except RuntimeError as error:
        raise no_threads("a part of a stage", error) from error


def execute(tools: AttemptTools, action: Action) -> None:
    """Execute one action; `execute_wave` makes the names of new framelists durable."""
    tools.pace.check()
    match action:
        case CommitGeneration(generation):
            parts = generation_parts(generation)
            _write_new(tools, f"vgen2/{generation.file_name}", parts)
        case WriteFramelist(product, version, form):
            _write_one_of_many(tools, tools.cubes.build(product, version, form))
        case WriteText(path, text, once):
            if once:
                _write_new(tools, path, [text])
            else:
                _write(tools, path, text)
        case WriteHeaderTable():
            _write_header_table(tools, action)
        case LinkSetAside(path, raw):
            link = tools.folder / path
            make_folder(link.parent)
            link_durably(link_target(path, raw), link)
        case EditCards(path, _, dictionary):
            framelist = read_framelist(tools.folder, path)
            edits = format_cards(framelist.cards, dictionary).edits
            _write_one_of_many(tools, apply_edits(framelist, edits))
        case ReserveFrameIds(identities):
            tools.ledger.reserve(tools.night, identities, tools.authority)
        case StampFrameId(path, _, frame_id):
            stamped = stamp_frame_id(read_framelist(tools.folder, path), frame_id)
            _write(tools, stamped.path, format_framelist(stamped))
            failpoint("execute.stamp.written")
            _retire(tools, path, stamped.path)
        case MarkApplied(frame_ids):
            tools.ledger.mark_applied(tools.night, frame_ids)
        case RebuildFramelists(products):
            source = FramelistSource(tools.night, tools.folder, tools.reader)
            for product in products:
                _write_one_of_many(tools, source.read(product))
        case Pack():
            _pack(tools, action)
        case TakeOver():
            _take_over(tools, action)
        case RecordReceipts(receipts):
            tools.packing_receipts.record(tools.night, receipts, at=tools.clock())
        case RenewReceipts(receipts):
            actor = tools.releaser(Gate.SET_ASIDE_CHANGED) or tools.actor
            tools.packing_receipts.renew(tools.night, receipts, at=tools.clock(), actor=actor)
        case ReadGrown(receipt):
            _read_grown(tools, receipt)
        case PutAway(paths):
            _put_away(tools, paths)
        case EndReceipts(paths):
            actor = tools.releaser(RAW_REMOVED) or tools.actor
            tools.packing_receipts.end(tools.night, at=tools.clock(), actor=actor, paths=paths)
        case CompareRaw(changed):
            _compare_raw(tools, changed)
        case AcceptRaw(accepted):
            tools.changed_raw.keep(tools.night, accepted, at=tools.clock())
        case Send(files, compare):
            _delivery(tools).deliver(files, compare)
        case SendAhead(_, raw_bytes):
            _send_ahead(tools, raw_bytes)
        case Hash(files, place, digests):
            _hash(tools, files, place, digests)
        case Retire(path, kept_as):
            _retire(tools, path, kept_as)
        case SendMail(manifests, replaced):
            _send_mail(tools, manifests, replaced)
        case _:
            assert_never(action)
    failpoint("execute.action.done")


def _write(tools: AttemptTools, path: str, text: str) -> None:
    make_folder((tools.folder / path).parent)
    with replacing(tools.folder / path) as file:
        file.write(text.encode("utf-8", "surrogateescape"))


def _write_header_table(tools: AttemptTools, action: WriteHeaderTable) -> None:
    dictionary = tools.reader.dictionary()
    file, sha256 = write_header_table(tools.folder, action, dictionary, tools.pace)
    failpoint("execute.header_table.written")
    # What lies there from now on is what was written, as long as size, time and digest say so.
    tools.receipts.keep(tools.night, [Receipt(Place.HERE, file, sha256, tools.clock())])


def _write_new(tools: AttemptTools, path: str, parts: Iterable[str]) -> None:
    make_folder((tools.folder / path).parent)
    with creating(tools.folder / path) as file:
        for part in parts:
            file.write(part.encode("utf-8", "surrogateescape"))


def _write_one_of_many(tools: AttemptTools, framelist: Framelist) -> None:
    path = tools.folder / framelist.path
    make_folder(path.parent)
    with replacing_one_of_many(path) as file:
        file.write(format_framelist(framelist).encode("utf-8", "surrogateescape"))


def _pack(tools: AttemptTools, action: Pack) -> None:
    verify = tools.settings.fpack.verify
    order = PackOrder(tools.folder, action.framelist, verify, action.proven)
    with metered(tools.meters, action.framelist, tools.pace) as meter:
        packed = tools.crew.pack(order, tools.pace, meter)
    failpoint("execute.pack.packed")
    Sight(tools.folder, tools.pace).wait_for_product(packed.reading, packed.receipts[1])
    # Before anything relies on the product.
    tools.packing_receipts.record(tools.night, packed.receipts, at=tools.clock())
    failpoint("execute.pack.recorded")
    # By this host's clock: the worker's may be another's.
    reading = replace(packed.reading, at=tools.clock())
    tools.receipts.keep(tools.night, [reading])
    tools.outbox.put(reading, packed.receipts)


def _send_ahead(tools: AttemptTools, raw_bytes: int) -> None:
    sender = SenderAhead(
        tools.reader,
        tools.outbox,
        _delivery(tools),
        tools.settings.disk.reserve_bytes,
        tools.settings.transfer.send_ahead_bytes,
    )
    sender.run(raw_bytes)


def _delivery(tools: AttemptTools) -> Delivery:
    return Delivery(
        tools.night, tools.folder, tools.archive_host, tools.receipts, tools.pace, tools.lanes
    )


def _take_over(tools: AttemptTools, action: TakeOver) -> None:
    taken = take_over_in_worker(tools.workers, tools.folder, action, tools.pace)
    failpoint("execute.take_over.proven")
    tools.packing_receipts.record(tools.night, taken.receipts, at=tools.clock())
    failpoint("execute.take_over.recorded")
    tools.receipts.keep(tools.night, taken.readings)


def _hash(tools: AttemptTools, files: tuple[str, ...], place: Place, digests: Digests) -> None:
    if place is Place.ARCHIVE:
        # Who sent what lies there unread may have been killed before it looked for them, and it is
        # not sent again.
        tools.archive_host.remove_leftovers(tools.night, files, tools.pace)
        failpoint("execute.hash.leftovers_removed")
        receipts = list(tools.archive_host.digests(tools.night, files, tools.pace))
    else:
        receipts = [_hash_here(tools, path, digests) for path in files]
    failpoint("execute.hash.read")
    tools.receipts.keep(tools.night, receipts)


def _hash_here(tools: AttemptTools, path: str, digests: Digests) -> Receipt:
    algorithms = ["sha256", "md5"] if digests is Digests.SHA256_AND_MD5 else ["sha256"]
    try:
        size, mtime_ns, read = _read_here(tools, path, algorithms)
    except OSError as error:
        if classify(error) is Cause.PROPERTY or (cube := cube_set_aside(path)) is None:
            raise
        refusal = translate_refusal(error, tools.folder / path, PathAccess.READ)
        raise naming_raw(refusal, cube) from error
    md5 = read[1] if len(read) > 1 else None
    return Receipt(Place.HERE, FileStamp(path, size, mtime_ns), read[0], tools.clock(), md5)


def _compare_raw(tools: AttemptTools, files: tuple[tuple[FileStamp, FileStamp], ...]) -> None:
    try:
        found = compare_raw(tools.night, tools.folder, tools.reader, files, tools.pace)
    except TransientError as error:
        raise name_refused(error, tools.night, tools.reader, files) from error
    failpoint("execute.raw.compared")
    tools.changed_raw.keep(tools.night, found, at=tools.clock())


def _read_grown(tools: AttemptTools, receipt: PackingReceipt) -> None:
    path = receipt.path
    size, mtime_ns, (sha256, beginning) = read_digests(
        file_behind(tools.folder, path), tools.pace, ["sha256"], receipt.size
    )
    at = tools.clock()
    failpoint("execute.grown.read")
    if beginning == receipt.sha256:
        # Before the reading: alone, that would say that the file has changed.
        grown = PackingReceipt(path, size, sha256, None)
        tools.packing_receipts.renew(tools.night, [grown], at=at, actor=tools.actor)
        failpoint("execute.grown.recorded")
    reading = Receipt(Place.HERE, FileStamp(path, size, mtime_ns), sha256, at)
    tools.receipts.keep(tools.night, [reading])


def _put_away(tools: AttemptTools, paths: tuple[str, ...]) -> None:
    for path in paths:
        put_away(tools.folder / path)
    # After the files: while the receipts stand, this is planned again.
    actor = tools.releaser(PRODUCT_LOST) or tools.actor
    tools.packing_receipts.end(tools.night, at=tools.clock(), actor=actor, paths=paths)


def _read_here(
    tools: AttemptTools, path: str, algorithms: Sequence[str]
) -> tuple[int, int, tuple[str, ...]]:
    """Read a file of the night; of a set-aside one what its link leads to, which is raw."""
    file = file_behind(tools.folder, path)
    return read_digests(file, tools.pace, algorithms)


def _send_mail(
    tools: AttemptTools, manifests: tuple[ManifestFile, ...], replaced: tuple[FrameId, ...]
) -> None:
    mail_context = tools.mail
    texts = read_manifest_texts(tools.folder, manifests)
    mail_text = write_mail_text(
        load_template(mail_context.settings),
        texts,
        mail_context.settings.data_host_ip or "",
        replaced,
    )
    mailing = send_manifest_mail(
        mail_context, mail_text, manifests, despite=frozenset(), actor=tools.actor
    )
    _log.info(
        "mail.sent",
        message_id=mailing.message_id,
        manifests=len(manifests),
        files=mail_text.manifest.files,
        recipients=len(mailing.recipients),
    )


def _retire(tools: AttemptTools, path: str, kept_as: str) -> None:
    if not (tools.folder / kept_as).is_file():
        raise DataError("nothing_kept", f"{path} stays: {kept_as}, which should hold it, is gone")
    remove_durably(tools.folder / path)
