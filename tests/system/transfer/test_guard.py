"""What shows whether a destination is the archive comes with what is read there, of every host."""

from pathlib import Path

import pytest

from tests.support.fakes.fake_night_reader import FakeFile
from tests.support.worlds.archive.archive_sites import NIGHT, make_site
from vampd.disk.pace import SteadyPace
from vampd.errors import ArchiveUnknown
from vampd.ports import Guard, Seen

STEADY = SteadyPace()


@pytest.fixture(params=["memory", "local", "ssh"])
def site(request, tmp_path, sshd):
    return make_site(request.param, tmp_path / "archive disk: one", sshd)


def test_what_guards_a_destination_is_told_before_what_is_read_there_is_used(site, tmp_path):
    site.put("vgen2/a.txt", FakeFile(b"a"))
    seen: list[Seen] = []
    for mark in (None, "1" * 32):
        if mark:
            site.host.place_mark(mark)
        for point in (None, Path("/")):
            guard = Guard(point, seen.append)
            assert site.host.files(NIGHT, guard) == site.host.files(NIGHT)
            assert [one.path for one in site.host.digests(NIGHT, ["vgen2/a.txt"], STEADY, guard)]
            site.host.pass_guard(guard)
            assert seen == [Seen(is_mounted=True, mark=mark)] * 3
            seen.clear()
    site.host.pass_guard(Guard(tmp_path / "archive disk: one", seen.append))
    assert seen == [Seen(is_mounted=False, mark=None)]


@pytest.mark.parametrize("point", [None, Path("/proc/self")])
def test_what_a_guard_refuses_is_not_read(site, point):
    def refuse(_):
        raise ArchiveUnknown("archive_unknown", "it is another one")

    site.put("vgen2/a.txt", FakeFile(b"a"))
    guard = Guard(point, refuse)
    for ask in (
        lambda: site.host.files(NIGHT, guard),
        lambda: site.host.digests(NIGHT, ["vgen2/a.txt"], STEADY, guard),
        lambda: site.host.pass_guard(guard),
    ):
        with pytest.raises(ArchiveUnknown):
            ask()
