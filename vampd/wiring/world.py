"""Parts that talk to the outside world, built from the settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vampd.config import Authority, Gen2Way, Settings, packaged_file
from vampd.model.nights import ARCHIVE_FOLDER, Kind, NightId
from vampd.ports import (
    ChangedRawFiles,
    Destinations,
    FrameIdAuthority,
    Ledger,
    MailLog,
    NightReader,
    NightStore,
    Pace,
    PackingReceipts,
    PurgedFiles,
    Receipts,
)

if TYPE_CHECKING:
    from vampd.adapters.archive import NightArchive
    from vampd.engine.alarm.low_space import LowSpaceMarks
    from vampd.engine.archive.known_archive import KnownArchive
    from vampd.engine.mailing.manifests import MailContext
    from vampd.model.headers import Dictionary

ANSWERS_FOLDER = "frameids.answers"


def make_night_reader(
    settings: Settings,
    nights: NightStore,
    receipts: Receipts,
    packing_receipts: PackingReceipts,
    purged_files: PurgedFiles,
    changed_raw: ChangedRawFiles,
    destinations: Destinations,
    ledger: Ledger,
    mail_log: MailLog,
) -> NightReader:
    """A reader of the real disk and the real archive host."""
    from vampd.engine.nights.night_reader import DiskNightReader

    return DiskNightReader(
        settings.watch.root,
        cut_on=(*settings.sync.cut_on, *settings.headers.may_correct),
        let_go=lambda night: frozenset(record.let_go if (record := nights.night(night)) else ()),
        receipts=receipts,
        packing_receipts=packing_receipts,
        purged_files=purged_files,
        changed_raw=changed_raw,
        ledger=ledger,
        mail_log=mail_log,
        archive=lambda night: known_archive(
            settings, night.kind, destinations, receipts, packing_receipts
        ),
        dictionary=lambda: load_keywords(settings),
    )


def load_keywords(settings: Settings) -> Dictionary:
    """The keyword dictionary: the configured one, else the one installed with vampd."""
    from vampd.config.dictionary import load_dictionary

    return load_dictionary(settings.headers.dictionary or packaged_file("keywords.toml"))


def known_archive(
    settings: Settings,
    kind: Kind,
    destinations: Destinations,
    receipts: Receipts,
    packing_receipts: PackingReceipts,
) -> KnownArchive:
    """The archive of nights of this kind."""
    from vampd.adapters.archive import open_archive_host
    from vampd.engine.archive.known_archive import KnownArchive

    return KnownArchive(
        kind,
        settings.transfer.destination(kind).destination,
        open_archive_host(settings.transfer, kind, settings.watch.root),
        destinations,
        receipts,
        packing_receipts,
        settings.transfer.destination(kind).mount_point,
        lambda night: moved_places(settings, night),
        (settings.watch.root, settings.watch.root / ARCHIVE_FOLDER),
    )


def moved_places(settings: Settings, night: NightId) -> Iterator[tuple[str, NightArchive]]:
    """Where the archive host may have moved a night by itself: a name, and the host.

    vampd itself sends to the destination alone.
    """
    from vampd.adapters.archive import open_moved_archive

    destination = settings.transfer.destination(night.kind)
    prefix = "" if destination.host is None else f"{destination.host}:"
    for folder in destination.moved_folders(night.date):
        place = open_moved_archive(settings.transfer, night.kind, folder, settings.watch.root)
        yield f"{prefix}{folder}", place


def archive_copies(settings: Settings, night: NightId) -> Iterator[tuple[str, NightArchive]]:
    """Where a copy of a night may be, the destination first: a name, and the host to read from."""
    from vampd.adapters.archive import open_archive_host

    destination = settings.transfer.destination(night.kind).destination
    host = open_archive_host(settings.transfer, night.kind, settings.watch.root)
    yield f"{destination}/{night.date}", host
    yield from moved_places(settings, night)


def authority(settings: Settings, pace: Pace) -> FrameIdAuthority:
    """Who grants frame IDs; a pending call ends when ``pace`` is stopped."""
    from vampd.adapters.authorities import (
        CommandAuthority,
        Gen2Authority,
        Gen2FramesAuthority,
        LocalAuthority,
        NoAuthority,
        answer_of,
    )
    from vampd.model.frame_ids import FrameId

    chosen = settings.frameids
    answers = settings.watch.root / ARCHIVE_FOLDER / ANSWERS_FOLDER / chosen.authority
    match chosen.authority:
        case Authority.NONE:
            return NoAuthority()
        case Authority.LOCAL:
            return LocalAuthority(FrameId.parse(chosen.first))
        case Authority.GEN2 if chosen.way is Gen2Way.FRAMES:
            return Gen2FramesAuthority(
                answers, chosen.timeout_s, pace, chosen.numbers, chosen.gen2_hosts
            )
        case Authority.GEN2:
            return Gen2Authority(
                answers,
                answer_of(chosen.gen2_answer, chosen.numbers),
                chosen.timeout_s,
                pace,
                chosen.numbers,
                chosen.gen2_hosts,
                owner=chosen.gen2_owner or None,
            )
        case Authority.COMMAND:
            return CommandAuthority(answers, chosen.command, chosen.timeout_s, pace, chosen.numbers)


def make_mail_context(settings: Settings, mail_log: MailLog) -> MailContext:
    """The context for sending mail, from these settings."""
    from vampd.adapters.mail import open_mailer
    from vampd.engine.mailing.manifests import MailContext

    return MailContext(settings.mail, settings.watch.root, mail_log, open_mailer)


def low_space_marks(settings: Settings) -> LowSpaceMarks:
    """Which places were low on space."""
    from vampd.engine.alarm.low_space import LowSpaceMarks

    return LowSpaceMarks(settings.database.path.parent / "low_space")
