"""Daemon and hosts find each other by the root alone, and write to no other folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.support.daemon.running import wait_until
from vampd.adapters.crew import Board, HostSign
from vampd.disk.leased import LeasePace, read_lease
from vampd.model.lease import LEASE_PATH
from vampd.model.roll_call import ROLL_CALL_FOLDER, CrewMember, format_sign

MARK, VERSION = "0" * 32, "1.2.3"
HOST = CrewMember("w1", VERSION, MARK, 1, 4, 3, 1 << 30)


@dataclass
class Site:
    root: Path
    mark: str | None = MARK
    paused: bool = False
    now: float = 100.0

    def board(self) -> Board:
        return Board(
            self.root, lambda: self.mark, lambda: self.paused, VERSION, 60.0, lambda: self.now
        )

    def sign(self, member: CrewMember = HOST) -> HostSign:
        return HostSign(self.root, lambda beat: replace(member, beat=beat))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_an_order_is_named_from_the_next_lease_on_until_it_is_left(site: Site) -> None:
    board = site.board()
    board.look()
    term = board.enter()
    pace = LeasePace(site.root / LEASE_PATH, term)
    assert not pace.stopped
    board.look()
    lease = read_lease(site.root / LEASE_PATH)
    assert lease is not None
    assert (lease.token, lease.count) == (term.token, term.since)
    assert lease.orders == {term.order}
    board.leave(term.order)
    board.look()
    assert LeasePace(site.root / LEASE_PATH, term).stopped


def test_a_pause_of_the_daemon_is_on_the_lease(site: Site) -> None:
    board = site.board()
    board.look()
    pace = LeasePace(site.root / LEASE_PATH, board.enter())
    site.paused = True
    board.look()
    assert pace.paused


def test_a_new_daemon_ends_what_the_one_before_had_ordered(site: Site) -> None:
    board = site.board()
    term = board.enter()
    board.look()
    site.board().look()
    assert LeasePace(site.root / LEASE_PATH, term).stopped


def test_a_daemon_that_ends_ends_its_orders(site: Site) -> None:
    board = site.board()
    board.start()
    term = board.enter()
    board.close()
    assert LeasePace(site.root / LEASE_PATH, term).stopped


def test_hosts_are_heard_by_their_signs(site: Site) -> None:
    board = site.board()
    board.look()
    sign = site.sign()
    sign.show()
    board.look()
    assert [each.host for each in board.present()] == ["w1"]
    site.now += 59.0
    sign.show()
    board.look()
    site.now += 59.0
    assert [each.host for each in board.present()] == ["w1"]
    site.now += 1.0
    assert board.present() == ()
    assert [each.member.host for each in board.heard()] == ["w1"]


def test_a_host_that_ends_takes_its_sign_away(site: Site) -> None:
    board = site.board()
    board.look()
    sign = site.sign()
    sign.start()
    wait_until((site.root / ROLL_CALL_FOLDER / "w1.json").exists, "a sign")
    sign.close()
    board.look()
    assert board.heard() == ()


@pytest.mark.parametrize("other", [{"version": "1.2.4"}, {"mark": "1" * 32}])
def test_a_host_of_another_version_or_root_is_heard_and_gets_nothing(
    site: Site, other: dict[str, str]
) -> None:
    board = site.board()
    board.look()
    site.sign(replace(HOST, **other)).show()  # type: ignore[arg-type]
    board.look()
    assert board.present() == ()
    assert len(board.heard()) == 1


def in_the_name_of_another(root: Path) -> None:
    (root / ROLL_CALL_FOLDER / "w2.json").write_bytes(format_sign(HOST))


def nonsense(root: Path) -> None:
    (root / ROLL_CALL_FOLDER / "w1.json").write_bytes(b"nonsense")


def a_link(root: Path) -> None:
    (root / "there").write_bytes(format_sign(HOST))
    (root / ROLL_CALL_FOLDER / "w1.json").symlink_to(root / "there")


@pytest.mark.parametrize("place", [in_the_name_of_another, nonsense, a_link])
def test_what_is_no_sign_of_its_host_is_not_heard(
    site: Site, place: Callable[[Path], None]
) -> None:
    board = site.board()
    board.look()
    place(site.root)
    board.look()
    assert board.heard() == ()


def test_nothing_is_written_where_the_root_is_not_mounted(site: Site) -> None:
    site.mark = None
    board = site.board()
    board.enter()
    board.look()
    site.sign().close()
    assert list(site.root.iterdir()) == []


def test_a_daemon_that_ends_writes_nothing_where_another_root_is_mounted(site: Site) -> None:
    board = site.board()
    board.look()
    before = read_lease(site.root / LEASE_PATH)
    site.mark = None
    board.close()
    assert read_lease(site.root / LEASE_PATH) == before


def test_whatever_a_look_ends_in_the_next_one_comes(site: Site) -> None:
    asked: list[None] = []

    def mark() -> str:
        asked.append(None)
        if len(asked) == 1:
            raise ZeroDivisionError("why")
        return MARK

    board = Board(site.root, mark, lambda: False, VERSION, 60.0)
    board.start()
    wait_until(lambda: read_lease(site.root / LEASE_PATH) is not None, "a lease")
    board.close()


def test_whatever_a_host_fails_to_tell_the_next_sign_comes(site: Site) -> None:
    def tell(beat: int) -> CrewMember:
        if beat == 1:
            raise ZeroDivisionError("why")
        return replace(HOST, beat=beat)

    site.board().look()
    sign = HostSign(site.root, tell)
    sign.start()
    wait_until((site.root / ROLL_CALL_FOLDER / "w1.json").exists, "a sign")
    sign.close()


def test_a_root_that_refuses_is_told_once_and_tried_again(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    (site.root / ".vampd").write_text("no folder")
    board = site.board()
    with pytest.raises(OSError, match=r"\.vampd"):
        board.look()
    (site.root / ".vampd").unlink()
    board.look()
    assert read_lease(site.root / LEASE_PATH) is not None
