"""A copy for an observer that is cut within a file goes on there, and never mixes two versions."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path

import pytest

from tests.support.examples import others_in_soak
from tests.support.tools.sshd import Sshd, running_sshd
from tests.support.worlds.archive.archive_sites import local_transfer, ssh_transfer
from vampd.adapters.archive import NightArchive, open_archive_host
from vampd.engine.getting.arrival import Delivery, Form
from vampd.engine.getting.offer import Offered, Wanted
from vampd.engine.getting.proof import Arrived, Outcome
from vampd.errors import ClaimLost
from vampd.fits.headers import OwnSums
from vampd.model.nights import Kind, NightId

NIGHT = NightId("20251106", Kind.ARCHIVE)
PATH = "vgen2/VMPA00023445.fits.fz"
FOUND = ("another's name", "other bytes", "longer", "link")
MIB = 1 << 20
# Its chunks of 4 MiB are more than one, and the last is short.
CONTENT = os.urandom(9 * MIB + 7)
# Counts what a host sends, and cuts the log-in that sends more than ``cut`` says. What rsync hands
# to its remote shell does not block.
RELAY = """
import os, signal, sys
from pathlib import Path

folder, sent = Path(sys.argv[1]), 0
os.set_blocking(1, True)
cut = int((folder / "cut").read_text() or 0)
while content := os.read(0, 1 << 16):
    sent += len(content)
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
    if cut and sent > cut:
        (folder / "cut").write_text("")
        if (folder / "kills").exists():
            os.killpg(0, signal.SIGKILL)
        sys.exit(1)
with open(folder / "sent", "a") as file:
    file.write(f"{sent}\\n")
"""


class Pausing:
    """A Pace that stops the work at its n-th check."""

    paused = stopped = False

    def __init__(self, checks: int) -> None:
        self._left = checks

    def check(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise ClaimLost("stopped", "the test stopped the work")


class Desk:
    """An observer's folder, and what is to come."""

    def __init__(self, base: Path) -> None:
        self.out = base / "got"
        self.folder = base / "nights" / NIGHT.date
        self.source = self.folder / PATH
        self.source.parent.mkdir(parents=True)
        self.source.write_bytes(CONTENT)
        digest = hashlib.sha256(CONTENT).hexdigest()
        wanted = Wanted(PATH, len(CONTENT), digest, has_receipt=True)
        self.offered = (Offered(wanted, None, is_here=True),)

    def deliver(
        self,
        folder: Path | None,
        hosts: Sequence[tuple[str, NightArchive]] = (),
        checks: int = 1000,
        form: Form = Form.PACKED,
    ) -> Arrived:
        delivery = Delivery(NIGHT, folder, hosts, self.out, form, Pausing(checks))
        (done,) = delivery.deliver(self.offered)
        return done

    @property
    def partials(self) -> list[Path]:
        """What lies unfinished in the observer's folder."""
        return [path for path in self.out.rglob("*") if path.is_file()]

    @property
    def got(self) -> bytes:
        return (self.out / Path(PATH).name).read_bytes()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory, tool: Callable[[str], str]) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd"), tool) as server:
        yield server


class Line:
    """A line to the archive host that counts, and can be cut."""

    def __init__(self, base: Path, sshd: Sshd) -> None:
        self.folder = base / "line"
        self.folder.mkdir()
        (self.folder / "relay.py").write_text(RELAY)
        words = " ".join(f"'{word}'" for word in sshd.ssh)
        self.ssh = self.folder / "ssh"
        relay = f"python3 {self.folder}/relay.py {self.folder}"
        self.ssh.write_text(f'#!/bin/bash\nset -o pipefail\n{words} "$@" | {relay}\n')
        self.ssh.chmod(0o755)
        self.cut_at("")

    def cut_at(self, sent: int | str) -> None:
        (self.folder / "cut").write_text(str(sent))

    @property
    def sent(self) -> int:
        """What came over the line in all log-ins that were not cut."""
        return sum(map(int, (self.folder / "sent").read_text().split()))


@pytest.fixture
def line(tmp_path: Path, sshd: Sshd) -> Line:
    return Line(tmp_path, sshd)


def behind(line: Line, desk: Desk) -> list[tuple[str, NightArchive]]:
    transfer = ssh_transfer(desk.folder.parent, [str(line.ssh)])
    return [("the archive", open_archive_host(transfer, NIGHT.kind))]


def beside(desk: Desk) -> list[tuple[str, NightArchive]]:
    return [("the archive", open_archive_host(local_transfer(desk.folder.parent), NIGHT.kind))]


@pytest.mark.parametrize("kills", others_in_soak([True, False]))
def test_what_came_over_the_line_before_it_was_cut_does_not_come_again(
    desk: Desk, line: Line, kills: bool
) -> None:
    if kills:
        (line.folder / "kills").touch()
    line.cut_at(6 * MIB)
    cut = desk.deliver(None, behind(line, desk))
    assert cut.outcome is Outcome.FAILED
    assert [path.stat().st_size > 5 * MIB for path in desk.partials] == [True]
    assert desk.deliver(None, behind(line, desk)).outcome is Outcome.ARRIVED
    assert desk.got == CONTENT
    assert line.sent < 4.5 * MIB
    assert [path.name for path in desk.out.iterdir()] == [Path(PATH).name]


@pytest.mark.parametrize("place", ["here", "archive"])
def test_what_was_copied_before_the_work_was_stopped_is_not_read_again(
    desk: Desk, place: str
) -> None:
    folder, hosts = (desk.folder, []) if place == "here" else (None, beside(desk))
    with pytest.raises(ClaimLost):
        desk.deliver(folder, hosts, checks=2)
    (partial,) = desk.partials
    assert partial.stat().st_size == 8 * MIB
    # Nothing of it lies there any more.
    desk.source.write_bytes(bytes(8 * MIB) + CONTENT[8 * MIB :])
    assert desk.deliver(folder, hosts).outcome is Outcome.ARRIVED
    assert desk.got == CONTENT
    assert [path.name for path in desk.out.iterdir()] == [Path(PATH).name]


@pytest.mark.parametrize(
    ("place", "found"),
    [
        *product(["here", "archive"], FOUND),
        *others_in_soak(("ssh", found) for found in FOUND),
    ],
)
def test_what_is_no_part_of_the_file_costs_a_copy_and_enters_none(
    desk: Desk, line: Line, tmp_path: Path, place: str, found: str
) -> None:
    with pytest.raises(ClaimLost):
        desk.deliver(desk.folder, checks=1)
    (partial,) = desk.partials
    others = tmp_path / "others"
    others.write_bytes(b"of others")
    match found:
        case "other bytes":
            partial.write_bytes(CONTENT[:MIB] + os.urandom(MIB))
        case "longer":
            partial.write_bytes(CONTENT + b"more")
        case "another's name":
            partial.unlink()
            partial.hardlink_to(others)
        case "link":
            partial.unlink()
            partial.symlink_to(others)
    hosts = {"here": [], "archive": beside(desk), "ssh": behind(line, desk)}[place]
    done = desk.deliver(desk.folder if place == "here" else None, hosts)
    assert (done.outcome, done.why) == (Outcome.ARRIVED, "")
    assert desk.got == CONTENT
    assert others.read_bytes() == b"of others"
    target = (desk.out / Path(PATH).name).lstat()
    assert (stat.S_ISREG(target.st_mode), target.st_nlink) == (True, 1)


def test_a_source_that_changes_between_two_runs_gives_no_file_of_both(desk: Desk) -> None:
    with pytest.raises(ClaimLost):
        desk.deliver(desk.folder, checks=1)
    desk.source.write_bytes(os.urandom(len(CONTENT)))
    failed = desk.deliver(desk.folder)
    assert (failed.outcome, "SHA-256" in failed.why) == (Outcome.FAILED, True)
    assert not (desk.out / Path(PATH).name).exists()


def test_a_copy_that_was_whole_before_a_kill_is_only_proven(desk: Desk) -> None:
    with pytest.raises(ClaimLost):
        desk.deliver(desk.folder, checks=3)
    desk.source.write_bytes(bytes(len(CONTENT)))
    assert desk.deliver(desk.folder).outcome is Outcome.ARRIVED
    assert desk.got == CONTENT


def test_what_another_place_has_goes_on_from_what_here_gave(desk: Desk, line: Line) -> None:
    with pytest.raises(ClaimLost):
        desk.deliver(desk.folder, checks=2)
    assert desk.deliver(None, behind(line, desk)).outcome is Outcome.ARRIVED
    assert desk.got == CONTENT
    assert line.sent < 2 * MIB


@pytest.mark.parametrize("is_far", others_in_soak([False, True]))
def test_what_came_to_be_unpacked_and_was_stopped_does_not_come_again(
    desk: Desk, line: Line, monkeypatch: pytest.MonkeyPatch, is_far: bool
) -> None:
    came: list[bytes] = []

    def stop(packed: Path, *_: object) -> None:
        came.append(packed.read_bytes())
        raise ClaimLost("stopped", "the test stopped the work")

    monkeypatch.setattr("vampd.engine.getting.arrival.unpack_file", stop)
    hosts = behind(line, desk) if is_far else beside(desk)
    for _ in range(2):
        with pytest.raises(ClaimLost):
            desk.deliver(None, hosts, form=Form.UNPACKED)
        # There is no other source any more.
        desk.source.unlink(missing_ok=True)
        if not is_far:
            desk.source.write_bytes(bytes(len(CONTENT)))
    assert came == [CONTENT, CONTENT]


def test_a_product_to_be_unpacked_goes_on_within_what_was_copied(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "vampd.engine.getting.arrival.unpack_file",
        lambda packed, plain, pace: plain.write_bytes(packed.read_bytes()[::-1]),
    )
    monkeypatch.setattr("vampd.engine.getting.arrival.check_own_sums", lambda *_: OwnSums.WHOLE)
    with pytest.raises(ClaimLost):
        desk.deliver(None, beside(desk), checks=2, form=Form.UNPACKED)
    (part,) = desk.partials
    begun = part.stat().st_size
    assert 0 < begun < len(CONTENT)
    # What came is not read again.
    desk.source.write_bytes(bytes(begun) + CONTENT[begun:])
    desk.deliver(None, beside(desk), form=Form.UNPACKED)
    (plain,) = desk.partials
    assert plain.read_bytes() == CONTENT[::-1]
