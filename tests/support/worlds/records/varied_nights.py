"""A database with nights in every status, and what outsiders may have written into their texts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from vampd.model.delivery import Mailing, MailOutcome, ManifestFile, Way
from vampd.model.measures import Sampled
from vampd.model.nights import (
    Aside,
    Discovery,
    Event,
    EventName,
    FileStamp,
    FrameFlow,
    Kind,
    NightId,
    NightUpdate,
    StageName,
    Status,
    WaitCode,
    stages_of,
    write_frame_flow,
)
from vampd.model.proofs import PackingReceipt, Place, Receipt
from vampd.store.database.connection import Store
from vampd.store.database.measures import StoredSamples
from vampd.store.database.opening import Access, open_store
from vampd.store.nights import Nights
from vampd.store.packing_receipts import StoredPackingReceipts
from vampd.store.people.mailings import StoredMailLog
from vampd.store.receipts import StoredReceipts

NOW = 1_762_560_000.0  # 2025-11-08 00:00 UT
HOSTILE = "<script>alert('x')</script>\u202eitcejbo\x1b[31m\udcff & \"quoted\""
LAST = date(2025, 11, 7)
HELD, UNSAFE, RUNNING, WAITING, PASSED = (
    NightId(f"{LAST - timedelta(days=days):%Y%m%d}", Kind.ARCHIVE) for days in (2, 5, 0, 1, 3)
)
MAILED = NightId(f"{LAST - timedelta(days=7):%Y%m%d}", Kind.ARCHIVE)
_HOUR = 3600.0


FLOW = FrameFlow(
    raw=100_000,
    products=71,
    paired={"A": 40_000, "B": 39_980, "D": 20},
    solo={"D": 800, "": 4_000},
    aside={"timing_cut": Aside(40, 15_000), "unreadable": Aside(1, 200)},
)
# So many dates have a history; older ones were only found: they fill pages.
_LIVED = 20


@contextmanager
def opened(database: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{database}", Access.MIGRATE)
    try:
        yield store
    finally:
        store.close()


def make_varied(database: Path, nights: int = 30, foreign: str = HOSTILE) -> None:
    """``nights`` dates of archive nights, each second with an engineering night, newest special.

    ``foreign``: what outsiders have written into texts and names.
    """
    with opened(database) as store:
        for number in range(nights):
            night = NightId(f"{LAST - timedelta(days=number):%Y%m%d}", Kind.ARCHIVE)
            make_night(store, night, foreign)
            if number % 2:
                make_night(store, NightId(night.date, Kind.ENGINEERING), foreign)
        _sample(store)
        Nights(store).discover_all(
            [Discovery(NightId("20200101", kind), "name_changes.txt") for kind in Kind],
            NOW - 10 * _HOUR,
            "vampd",
        )


def _sample(store: Store) -> None:
    """A disk that fills by 100 GB a day and was tidied up once, and two days of rates."""
    samples = StoredSamples(store)
    for day in range(40, 0, -1):
        free = 9.0e12 - 1.0e11 * ((40 - day) % 25)
        at = NOW - 86_400.0 * day + 600
        samples.keep({Sampled.NIGHTS_FREE: free, Sampled.NIGHTS_ALL: 1.2e13}, at)
    for half_hour in range(96, 0, -3):
        rate = 9.2e7 if half_hour % 9 else 0.0
        samples.keep(
            {
                Sampled.NIGHTS_FREE: 7.5e12 - 1e9 * (96 - half_hour),
                Sampled.NIGHTS_ALL: 1.2e13,
                Sampled.DATABASE_FREE: 4e10,
                Sampled.DATABASE_ALL: 1e11,
                Sampled.PACKING: rate,
                Sampled.SENDING: rate / 3,
            },
            NOW - 1800.0 * half_hour + 60,
        )


def make_night(store: Store, night: NightId, foreign: str = HOSTILE) -> None:
    """One night, as its date says."""
    began = NOW - (LAST - night.day).days * 24 * _HOUR - 9 * _HOUR
    nights = Nights(store)
    nights.discover(night, began)
    match night:
        case _ if night == RUNNING:
            _move(nights, night, began, _run_to(night, StageName.FPACK))
            nights.update(
                night,
                NightUpdate(
                    frames=812_000, bytes=1_800_000_000, done_actions=12, all_actions=38,
                    done_frames=300_000, all_frames=812_000, done_bytes=1_100_000_000,
                    all_bytes=1_800_000_000,
                ),
            )  # fmt: skip
        case _ if night == WAITING:
            _move(nights, night, began, _run_to(night, StageName.TRANSFER))
            _fail(nights, night, NOW - 600, EventName.FAILED, "archive_unreachable", foreign)
            nights.update(night, NightUpdate(frames=4_000, bytes=9_000_000))
        case _ if night == HELD:
            _move(nights, night, began, _run_to(night, StageName.SYNC))
            words = "sync made what is not expected: 15.2% of the frames were set aside"
            _fail(nights, night, NOW - 7 * _HOUR, EventName.HELD, "sync_unexpected", words)
            nights.update(
                night,
                NightUpdate(
                    frames=100_000,
                    bytes=2 * 10**11,
                    verdict="15.2% set aside",
                    frame_flow=write_frame_flow(FLOW),
                ),
            )
        case _ if night == PASSED:
            note = f"unchanged for 3 min of 30 min: {foreign}"
            nights.update(night, NightUpdate(note_code=WaitCode.STILL_WRITTEN, note=note))
        case _ if (LAST - night.day).days >= _LIVED:
            pass
        case _:
            _finish(store, night, began, foreign)


def _run_to(night: NightId, stage: StageName) -> Sequence[EventName]:
    passed = stages_of(night.kind).index(stage)
    return (EventName.SETTLED, *(EventName.CLAIMED, EventName.ADVANCED) * passed, EventName.CLAIMED)


def _move(nights: Nights, night: NightId, began: float, events: Sequence[EventName]) -> None:
    for number, event in enumerate(events):
        nights.apply(night, Event(event), at=began + 300 * number, actor="vampd")


def _fail(
    nights: Nights, night: NightId, at: float, event: EventName, code: str, message: str
) -> None:
    not_before = at + _HOUR if event is EventName.FAILED else None
    nights.apply(
        night,
        Event(event, not_before=not_before),
        at=at,
        actor="vampd",
        code=code,
        message=message,
    )


def _finish(store: Store, night: NightId, began: float, foreign: str) -> None:
    nights = Nights(store)
    stages = len(stages_of(night.kind))
    events = (EventName.SETTLED, *(EventName.CLAIMED, EventName.ADVANCED) * stages)
    _move(nights, night, began, events)
    ended = began + 300 * (2 * stages + 1)
    changes = NightUpdate(
        frames=10_000, bytes=10**12, processed_at=ended, transferred_at=ended, safe_at=ended
    )
    flow = FrameFlow(
        raw=10_000 if night != MAILED else 10_007,
        products=4,
        paired={"A": 4_900, "B": 4_890, "D": 10},
        solo={},
        aside={HOSTILE: Aside(3, 193), "timing_cut": Aside(1, 7)},
    )
    nights.update(night, replace(changes, frame_flow=write_frame_flow(flow)))
    _prove(store, night, ended, foreign)
    if night == UNSAFE:
        event = Event(EventName.DISPROVED)
        nights.apply(night, event, at=NOW - 100, actor="me (vampctl)", message="2 files differ")
    if night.kind is Kind.ARCHIVE:
        name = f"manifest_VMP_{night.date}.csv"
        sums = f"{'b' * 64}  {name}\n"
        nights.update(night, NightUpdate(manifests=1, manifest_sums=sums))
        if night.date <= MAILED.date:
            _mail(store, ManifestFile(night, name, "b" * 64), ended)


def _prove(store: Store, night: NightId, at: float, foreign: str) -> None:
    names = [f"vgen2/VMPA{number:08}.fits.fz" for number in range(425_000, 425_003)]
    receipts = [
        PackingReceipt(name, 700_000 + number, f"{number:064x}", f"{number:064x}", 3)
        for number, name in enumerate([*names, f"vgen2/{foreign}.txt"])
    ]
    StoredPackingReceipts(store).record(night, receipts, at=at)
    read = [
        Receipt(
            place,
            FileStamp(one.path, one.size, 5),
            one.sha256,
            at + 60,
            destination=None if place is Place.HERE else "/archive",
        )
        for place in Place
        for one in receipts[: None if place is Place.HERE else -1]
    ]
    StoredReceipts(store).keep(night, read)


def _mail(store: Store, manifest: ManifestFile, at: float) -> None:
    mail_log = StoredMailLog(store)
    name = f"<{manifest.night.date}@example.org>"
    mailing = Mailing(name, (manifest,), ("stars@example.org",), Way.SMTP, "vampd", at)
    mail_log.intend(mailing, frozenset())
    mail_log.conclude(name, MailOutcome.SENT, at=at + 1, detail="250 ok")
    if manifest.night.date < MAILED.date:
        mail_log.acknowledge([manifest], at=at + 2 * _HOUR, actor="stars")


def status_of(database: Path, night: NightId) -> Status:
    with opened(database) as store:
        record = Nights(store).night(night)
    assert record is not None
    return record.state.status
