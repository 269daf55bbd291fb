"""However much of a ledger is lost, writing it anew loses nothing that anything still tells of."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders.ledger_lines import bindings, check_laws, fields_of
from tests.support.examples import examples
from tests.support.fakes.authorities import Answering
from tests.support.tools.memory import folder_in_memory
from tests.support.worlds.records.databases import new_database
from vampd.adapters.authorities import LocalAuthority
from vampd.errors import FrameIdConflict
from vampd.ledger.ledger import FrameIdLedger
from vampd.model.frame_ids import FrameId, NumberRange, RecoveredBinding
from vampd.model.nights import Kind, NightId
from vampd.store.database.opening import Access, open_store

NIGHTS = [NightId(f"2025110{day}", Kind.ARCHIVE) for day in (6, 7)]
LOCAL = LocalAuthority(FrameId(90_000_001))
steps = st.lists(
    st.tuples(
        st.sampled_from(NIGHTS), st.lists(st.sampled_from("abcdef"), min_size=1, unique=True)
    ),
    max_size=4,
)


class Desk:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "frameids.ledger"
        self.database = folder / "vampd.db"
        self.start()

    def start(self) -> None:
        if not self.database.exists():
            self.database.write_bytes(new_database())
        self.store = open_store(f"sqlite:///{self.database}", Access.USE)
        self.ledger = FrameIdLedger(self.store, self.file)

    def lose_database(self) -> None:
        self.store.close()
        for path in self.database.parent.glob("vampd.db*"):
            path.unlink()
        self.start()

    def shown(self) -> list[RecoveredBinding]:
        """What the folders tell: every ID that a product has."""
        return [
            RecoveredBinding(night, one.frame_id, one.identity)
            for night in NIGHTS
            for one in self.ledger.bound(night).values()
        ]

    def lines(self) -> set[tuple[str, ...]]:
        return {tuple(fields) for fields in fields_of(self.file)}


@contextmanager
def used_desk(work: list[tuple[NightId, list[str]]]) -> Iterator[Desk]:
    """A ledger with grants that were used, refused, and never used."""
    folder = Path(tempfile.mkdtemp(prefix="vampd-test-", dir=folder_in_memory()))
    desk = Desk(folder)
    for night, wanted in work:
        desk.ledger.reserve(night, wanted, LOCAL)
        desk.ledger.mark_applied(night, [b.frame_id for b in desk.ledger.bound(night).values()])
    with pytest.raises(FrameIdConflict):
        desk.ledger.reserve(NIGHTS[0], ["x", "y"], Answering(70_000_002, 70_000_001))
    try:
        yield desk
    finally:
        desk.store.close()
        shutil.rmtree(folder)


def spoil(desk: Desk, lost: list[bool]) -> None:
    lines = desk.file.read_bytes().splitlines(keepends=True)
    pairs = zip(lines, lost + [False] * len(lines), strict=False)
    desk.file.write_bytes(b"".join(b"#" + line if gone else line for line, gone in pairs))


@settings(max_examples=examples(10))  # each makes a database
@given(steps, st.lists(st.booleans(), max_size=40), st.booleans())
def test_with_the_database_nothing_is_lost_whatever_becomes_of_the_file(
    work: list[tuple[NightId, list[str]]], lost: list[bool], gone: bool
) -> None:
    with used_desk(work) as desk:
        before = desk.lines()
        shown = desk.shown()
        spoil(desk, lost)
        if gone:
            desk.file.unlink()
        assert desk.ledger.draft_rebuild(shown) == desk.ledger.rebuild(shown)
        assert desk.lines() == before
        assert not desk.ledger.rebuild([]).is_news
        desk.ledger.reserve(NIGHTS[1], ["z"], LOCAL)


@settings(max_examples=examples(10))  # each makes a database
@given(steps, st.lists(st.booleans(), max_size=40), st.booleans())
def test_without_it_every_id_that_a_product_has_stays_its_own_and_is_never_given_again(
    work: list[tuple[NightId, list[str]]], lost: list[bool], gone: bool
) -> None:
    with used_desk(work) as desk:
        before, shown = bindings(desk.file), desk.shown()
        spoil(desk, lost)
        if gone:
            desk.file.unlink()
        desk.lose_database()
        rebuilt = desk.ledger.rebuild(shown)
        check_laws(desk.file)
        assert bindings(desk.file) == before
        assert set(desk.shown()) == set(shown)
        highest = max((one.frame_id for one in shown), default=None)
        assert desk.ledger.highest(NumberRange.ENGINEERING) == highest
        desk.ledger.reserve(NIGHTS[0], ["late", *"abc"], LOCAL)
        check_laws(desk.file)
        assert before.items() <= bindings(desk.file).items()
        assert not desk.ledger.draft_rebuild(shown).is_news
        assert rebuilt.from_folders <= len(shown)


@pytest.mark.parametrize("work", [[], [(NIGHTS[0], ["a", "b"])]])
def test_a_refused_grant_does_not_come_to_honour_because_its_refusal_is_lost(
    work: list[tuple[NightId, list[str]]],
) -> None:
    with used_desk(work) as desk:
        spoil(
            desk,
            [line.startswith(b"refused") for line in desk.file.read_bytes().splitlines()],
        )
        desk.lose_database()
        desk.ledger.rebuild(desk.shown())
        desk.ledger.reserve(NIGHTS[0], ["x", "y"], LOCAL)
        assert min(one.frame_id for one in desk.ledger.bound(NIGHTS[0]).values()) >= LOCAL.first
        assert [one.frame_id.number for one in desk.ledger.unused()] == [
            70_000_001,
            70_000_002,
        ]


def test_what_contradicts_itself_changes_neither_file_nor_database() -> None:
    with used_desk([(NIGHTS[0], ["a", "b"])]) as desk:
        content = desk.file.read_bytes()
        for night, number, identity in (
            (NIGHTS[0], 90_000_001, "c"),
            (NIGHTS[1], 90_000_001, "a"),
            (NIGHTS[0], 90_000_009, "a"),
            (NIGHTS[0], 70_000_001, "x"),
        ):
            with pytest.raises(FrameIdConflict):
                desk.ledger.rebuild([RecoveredBinding(night, FrameId(number), identity)])
            assert desk.file.read_bytes() == content
            assert sorted(path.name for path in desk.file.parent.glob("frameids*")) == [
                "frameids.ledger"
            ]
        desk.ledger.reserve(NIGHTS[1], ["z"], LOCAL)


def test_the_old_file_stays_under_a_name_of_its_own() -> None:
    with used_desk([(NIGHTS[0], ["a"])]) as desk:
        for number in (1, 2):
            with desk.file.open("ab") as file:
                file.write(b"torn\n")
            old = desk.file.read_bytes()
            desk.ledger.rebuild([])
            kept = desk.file.with_name(f"frameids.ledger.old_{number}")
            assert kept.read_bytes() == old
            assert b"torn" not in desk.file.read_bytes()
