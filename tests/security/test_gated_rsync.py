"""A hostile client speaks rsync to the gate: options and names that vampd does not use."""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.builders.settings import make_settings
from tests.support.fakes.fake_night_reader import FakeFile
from tests.support.tools.gated import Gated, running_gate, secluded
from tests.support.tools.sshd import HOST
from tests.support.worlds.archive.archive_sites import NIGHT, write_file
from tests.support.worlds.hostile.hostile_rsync import offered_folder
from vampd.cli.act.transfer import pull_night
from vampd.model.proofs import format_sums

SENDER = "rsync --server --sender -ste.LsfxCIvu"
RECEIVER = "rsync --server -stRe.LsfxCIvu"
READING = ("--files-from=-", "--from0")

# An ssh that leads to the gate.
_SSH = """\
import os, sys
gate, words = {gate!r}, sys.argv[1:]
os.environ["SSH_ORIGINAL_COMMAND"] = " ".join(words[words.index("host") + 1:])
os.execvp(gate[0], gate)
"""


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory, tool: Callable[[str], str]) -> Iterator[Gated]:
    base, keys = (tmp_path_factory.mktemp(name) for name in ("gated", "keys"))
    with running_gate(base, keys, tool) as gated:
        write_file(gated.disk / NIGHT.date, "vgen2/a.fits.fz", FakeFile(b"own"))
        yield gated


@pytest.mark.parametrize(
    "option",
    [
        *("--copy-unsafe-links", "--copy-links", "--copy-dirlinks", "--keep-dirlinks", "--links"),
        *("--safe-links", "--munge-links", "--devices", "--specials", "--copy-devices"),
        *("--write-devices", "--hard-links", "--acls", "--xattrs", "--fake-super", "--super"),
        *("--owner", "--group", "--perms", "--chmod=777", "--chown=0:0", "--usermap=*:0"),
        *("--inplace", "--append", "--sparse", "--backup", "--suffix=x", "--temp-dir=/tmp"),
        *("--link-dest=/", "--copy-dest=/", "--compare-dest=/", "--delete", "--delete-after"),
        *("--remove-source-files", "--recursive", "--dirs", "--filter=merge /etc/passwd"),
        *("--files-from=/etc/passwd", "--exclude-from=/etc/passwd", "--include-from=/etc/passwd"),
        *("--log-file=/tmp/x", "--log-format=x", "--daemon", "--config=/tmp/x", "--address=x"),
        *("--write-batch=/tmp/x", "--read-batch=/tmp/x", "--early-input=/etc/passwd", "--rsh=id"),
        *("--trust-sender", "--old-args", "--no-s", "--no-secluded-args", "--server", "--sender"),
        *("--partial-dir=/tmp", "--iconv=.", "--stop-at=now", "--mkpath", "--ignore-missing-args"),
        *("-L", "-e", "-M--x", "-T/tmp", "-l", "--", "x", "/etc/passwd"),
    ],
)
def test_an_option_that_vampd_does_not_use_is_refused_both_ways(gated: Gated, option: str) -> None:
    target = f"{gated.disk}/{NIGHT.date}/"
    for command, more in ((SENDER, READING), (RECEIVER, ())):
        ended = gated.run(command, secluded("rsync", *more, option, ".", target))
        assert (ended.returncode, ended.stdout) == (126, b""), command
        assert b"refused" in ended.stderr


@pytest.mark.parametrize(
    "flags",
    ["-sLte.", "-slte.", "-srte.", "-sHte.", "-sate.", "-sDte.", "-skte.", "-sKte.", "-sTte.", "s"],
)
def test_flags_that_vampd_does_not_use_are_refused_both_ways(gated: Gated, flags: str) -> None:
    stdin = secluded("rsync", *READING, ".", f"{gated.disk}/{NIGHT.date}/")
    for role in ("", "--sender "):
        ended = gated.run(f"rsync --server {role}{flags}", stdin)
        assert (ended.returncode, ended.stdout) == (126, b"")


@pytest.mark.parametrize(
    "folder",
    [
        "{base}/disk/..",
        "{base}/disk/./..",
        "{base}//disk/../secret",
        "{base}/disk/[.][.]",
        "{base}/disk/\\.\\.",
        "{base}/disk/.?",
        "{base}/disk/*/../..",
        "{base}/disk other",
        "{base}/disko",
        "{base}/dis",
        "disk",
        "~",
        ".",
        "/",
        "",
    ],
)
def test_a_folder_that_leads_out_is_not_read(gated: Gated, folder: str) -> None:
    target = folder.format(base=gated.base)
    ended = gated.run(SENDER, secluded("rsync", *READING, ".", target))
    assert (ended.returncode, ended.stdout) == (126, b"")


@pytest.fixture
def client(gated: Gated, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """The rsync of a hostile user, with the key but without vampd."""
    ssh = tmp_path / "ssh.py"
    ssh.write_text(_SSH.format(gate=gated.gate))

    def run(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        shell = f"--rsh={shlex.join((sys.executable, str(ssh)))}"
        command = ["rsync", "-s", "--times", shell, *words]
        return subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)

    return run


def test_a_name_that_leads_out_of_what_is_read_is_read_within(
    gated: Gated, client: Callable[..., subprocess.CompletedProcess[bytes]], tmp_path: Path
) -> None:
    names = ("../../secret", f"{gated.base}/secret", "vgen2/../../../secret", "./../../secret")
    stdin = b"".join(os.fsencode(name) + b"\0" for name in (*names, "vgen2/a.fits.fz"))
    source = f"host:{gated.disk}/{NIGHT.date}/"
    ended = client("--from0", "--files-from=-", source, f"{tmp_path}/back/", stdin=stdin)
    assert ended.returncode == 23, ended.stderr
    arrived = [path for path in (tmp_path / "back").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in arrived] == [b"own"]


@pytest.mark.parametrize("name", ["../evil", "vgen2/../../evil", "{base}/disk other/evil"])
def test_a_name_that_leads_out_of_what_is_written_is_not_written(gated: Gated, name: str) -> None:
    """In a list that no rsync makes: the receiver is asked for a folder."""
    there = os.fsencode(name.format(base=gated.base))
    (gated.disk / "20251109").mkdir(exist_ok=True)
    before = sorted(gated.base.rglob("*"))
    words = secluded("rsync", ".", f"{gated.disk}/20251109/")
    ended = gated.run(RECEIVER, words + offered_folder(there))
    assert b"ABORTING due to" in ended.stdout, ended
    assert sorted(gated.base.rglob("*")) == before


def test_links_and_devices_do_not_arrive(
    gated: Gated, client: Callable[..., subprocess.CompletedProcess[bytes]], tmp_path: Path
) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "files" / "pipe")
    (tmp_path / "files" / "new").write_bytes(b"new")
    night = gated.disk / "20251108"
    for options in ((), ("--links", "--devices", "--specials"), ("--copy-links",)):
        client("--relative", *options, f"{tmp_path}/files/./link", f"host:{night}/")
        client("--relative", *options, f"{tmp_path}/files/./pipe", f"host:{night}/")
    assert client("--relative", f"{tmp_path}/files/./new", f"host:{night}/").returncode == 0
    left = [path for path in night.rglob("*") if not path.is_file() or path.is_symlink()]
    assert left == []
    assert (night / "new").read_bytes() == b"new"


def test_pull_passes_a_gate_that_only_lets_it_read(gated: Gated, tmp_path: Path) -> None:
    here = gated.base / "moved" / NIGHT.date
    files = {"vgen2/a b$(id).fits.fz": b"product", "vcam1/x.fits": b"raw", "vbad/reasons.tsv": b""}
    for path, content in files.items():
        write_file(here, path, FakeFile(content))
    (here / "vbad" / "vcam1").mkdir()
    (here / "vbad" / "vcam1" / "x.fits").symlink_to("../../vcam1/x.fits")
    listed = {path.replace("vcam1", "vbad/vcam1"): content for path, content in files.items()}
    sums = {path: hashlib.sha256(content).hexdigest() for path, content in listed.items()}
    (here / "SHA256SUMS").write_text(format_sums(sums))
    settings = make_settings(
        gated.base / "moved",
        transfer={"pull_from": HOST, "ssh": list(gated.sshd.ssh), "timeout_s": 20},
    )
    (tmp_path / "archive").mkdir()
    assert not pull_night(settings, NIGHT, tmp_path / "archive")
    for path, content in listed.items():
        assert (tmp_path / "archive" / NIGHT.date / path).read_bytes() == content
