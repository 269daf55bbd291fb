"""A link or a pipe takes the name of each file that vampd keeps among the nights."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import run_until_idle, vampctl
from tests.support.daemon.site import Site, make_site

SECRET = "of the owner alone"
NAMES = (
    *("SHA256SUMS", "corrections.tsv", "header_table_{date}.csv", "mailed_VMP_{date}.tsv"),
    *("manifest_VMP_{date}.csv", "manifest_VMP_{date}.sha256", "vbad/reasons.tsv"),
    *("vgen2/name_changes.txt", "vgen2/receipts.tsv", "vgen2/generation_0001.json"),
    *("vgen2/VMPA90000001.fits.fz", "vgen2/VMPA90000001.txt", "../frameids.ledger"),
)
PRINTING = (
    *("audit {date}", "summary {date}", "verify {date} --here", "get {date} -o got", "frameids"),
    *("manifest {date}", "mail {date}", "headers table {date}", "correct {date} --accept"),
    "plan {date} --all",
)


def put_link(path: Path, secret: Path) -> None:
    path.symlink_to(secret)


def put_pipe(path: Path, _: Path) -> None:
    os.mkfifo(path)


@pytest.mark.soak
@pytest.mark.parametrize("put", [put_link, put_pipe])
def test_what_bears_a_name_of_vampds_is_not_read_shown_sent_or_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, put: Callable[[Path, Path], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    site = make_site(tmp_path, sync={"hold_when_unexpected": False})
    night, _ = make_smallest(site.root, "20251121")
    assert run_until_idle(site).status == 0
    assert vampctl(site, "mail", night.date, "--mark-sent").returncode == 0
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n{SECRET}\n")
    secret.chmod(0o600)
    before = secret.stat()
    for name in NAMES:
        path = site.folder(night) / name.format(date=night.date)
        own = path.read_bytes() if path.exists() else None
        path.unlink(missing_ok=True)
        put(path, secret)
        for words in PRINTING:
            shown = vampctl(site, *words.format(date=night.date).split())
            assert SECRET not in shown.stdout + shown.stderr, (name, words)
            assert "Traceback" not in shown.stderr, (name, words)
        vampctl(site, "retry", night.date, "--from", "transfer")
        ended = run_until_idle(site)
        assert (ended.status, SECRET in ended.log) == (0, False), (name, ended.log)
        path.unlink(missing_ok=True)
        if own is not None:
            path.write_bytes(own)
        settle(site, night.date)
    after = secret.stat()
    assert (after.st_mode, after.st_mtime_ns, after.st_size) == (
        before.st_mode, before.st_mtime_ns, before.st_size,
    )  # fmt: skip
    found = subprocess.run(["grep", "-rl", SECRET, "."], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["./secret"]


def settle(site: Site, date: str) -> None:
    """Let the night go on to its end, as a person would."""
    vampctl(site, "recover", date)
    for words in (["release", date], ["retry", date, "--from", "transfer"]):
        vampctl(site, *words)
    run_until_idle(site)
    (record,) = json.loads(vampctl(site, "status", "--json").stdout)
    assert record["status"] == "done", record
