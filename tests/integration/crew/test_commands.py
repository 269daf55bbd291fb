"""vampctl crew and doctor: which hosts pack, and what keeps the others from it."""

from __future__ import annotations

import json
import os
import ssl
import stat
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.crew.hosts import MARK, CrewSite
from tests.support.daemon.commands import run_here
from vampd import __version__
from vampd.adapters.crew import HostSign, end_of_certificate
from vampd.cli.checks import crew_probe
from vampd.cli.checks.crew import examine_crew, judge_mount
from vampd.cli.checks.crew_hosts import SILENT, look_at_hosts
from vampd.cli.shared.finding import BAD, OK, WARN
from vampd.config import load_settings
from vampd.errors import ConfigError
from vampd.model.roll_call import ROLL_CALL_FOLDER, CrewMember
from vampd.wiring.worker import run_worker

HOST = CrewMember("w1", __version__, MARK, 1, 4, 3, 1 << 30, {"a" * 16: (5, 1_000)})


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CrewSite:
    # The hosts here leave signs and answer nothing.
    monkeypatch.setattr(crew_probe, "_ANSWER_WITHIN_S", 0.1)
    site = CrewSite(tmp_path)
    (site.root / ROLL_CALL_FOLDER).mkdir()
    return site


def show(site: CrewSite, member: CrewMember = HOST, age_s: float = 0.0) -> None:
    HostSign(site.root, lambda _: member).show()
    at = time.time() - age_s
    os.utime(site.root / ROLL_CALL_FOLDER / f"{member.host}.json", (at, at))


def hosts(site: CrewSite) -> tuple[int, list[dict[str, object]]]:
    done = run_here(["vampctl", "crew", "--config", str(site.configuration), "--json"])
    return done.returncode, json.loads(done.stdout)["hosts"]


def test_a_host_that_packs_is_shown(site: CrewSite) -> None:
    show(site)
    status, (host,) = hosts(site)
    assert status == 0
    shown = {key: host[key] for key in ("host", "packs", "busy", "places", "slots", "problem")}
    assert shown == {
        "host": "w1", "packs": True, "busy": 1, "places": 3, "slots": 4, "problem": None
    }  # fmt: skip
    table = run_here(["vampctl", "crew", "--config", str(site.configuration)]).stdout
    assert "w1    packs     1  3 of 4" in table


@pytest.mark.parametrize(
    ("member", "age_s", "problem"),
    [
        (HOST, 61.0, "silent"),
        (replace(HOST, version="0.0.1"), 0.0, "other version"),
        (replace(HOST, mark="1" * 32), 0.0, "other root"),
    ],
)
def test_what_keeps_a_host_from_packing_is_said(
    site: CrewSite, member: CrewMember, age_s: float, problem: str
) -> None:
    show(site, member, age_s)
    status, (host,) = hosts(site)
    assert (status, host["packs"], host["problem"]) == (1, False, problem)
    found = {finding.check: finding for finding in examine_crew(load_settings(site.configuration))}
    assert found["crew host w1"].state == BAD
    assert problem.upper() in found["crew host w1"].found


@pytest.mark.parametrize("off_s", [-600.0, 600.0])
@pytest.mark.parametrize(("age_s", "problem"), [(0.0, ""), (61.0, SILENT)])
def test_a_host_is_as_old_as_by_the_clock_of_the_disk(
    site: CrewSite, monkeypatch: pytest.MonkeyPatch, off_s: float, age_s: float, problem: str
) -> None:
    show(site, age_s=age_s)
    by_the_disk = time.time
    monkeypatch.setattr(time, "time", lambda: by_the_disk() + off_s)
    # Behind, this clock tells nothing: the newest sign is now.
    if off_s < 0 and problem:
        show(site, replace(HOST, host="w2"), age_s=off_s)
    seen = {each.member.host: each for each in look_at_hosts(load_settings(site.configuration))}
    assert seen["w1"].problem == problem
    assert seen["w1"].age_s == pytest.approx(age_s, abs=5)


def test_a_crew_without_a_host_fails_the_command(site: CrewSite) -> None:
    assert hosts(site) == (1, [])
    shown = run_here(["vampctl", "crew", "--config", str(site.configuration)])
    assert shown.returncode == 1
    assert shown.stdout.endswith("no host has left a sign: start vampd-worker on one\n")


def test_a_site_without_other_hosts_is_told_so(site: CrewSite) -> None:
    text = site.configuration.read_text()
    site.configuration.write_text(text.replace('engine = "dask"', 'engine = "local"'))
    done = run_here(["vampctl", "crew", "--config", str(site.configuration)])
    assert (done.returncode, done.stdout) == (
        0, 'crew.engine is "local": this machine alone packs\n'
    )  # fmt: skip
    assert list(examine_crew(load_settings(site.configuration))) == []


def test_doctor_tells_of_a_scheduler_that_is_away(site: CrewSite) -> None:
    show(site)
    found = {finding.check: finding for finding in examine_crew(load_settings(site.configuration))}
    assert found["crew scheduler"].state == BAD
    assert found["crew host w1"].state == OK


@pytest.mark.parametrize(
    ("kind", "options", "state"),
    [
        ("ext4", "rw", OK),
        ("nfs4", "rw,vers=4.2,hard,local_lock=none", OK),
        ("nfs4", "rw,vers=4.2,soft", BAD),
        ("nfs", "rw,vers=3,hard,nolock", BAD),
        ("nfs", "rw,vers=2,hard", BAD),
        ("nfs", "rw,hard,local_lock=all", BAD),
        ("nfs4", "rw,hard,nocto", BAD),
        ("nfs4", "rw,hard,acdirmax=600", WARN),
        ("nfs4", "rw,hard,acdirmax=30,lookupcache=all", WARN),
        ("lustre", "rw,flock", OK),
        ("lustre", "rw,localflock", BAD),
    ],
)
def test_a_mount_that_hosts_cannot_share_is_refused(kind: str, options: str, state: str) -> None:
    assert judge_mount(kind, options.split(",")).state == state


def make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run_here(["vampctl", "crew", "certificates", "--to", str(folder), *words])


def test_certificates_are_of_an_authority_of_their_own(
    tmp_path: Path, tool: Callable[[str], str]
) -> None:
    folder = tmp_path / "crew"
    assert make(folder, "scheduler", "w1", "--days", "90").returncode == 0
    for host in ("scheduler", "w1"):
        words = [tool("openssl"), "verify", "-CAfile", str(folder / "ca.pem")]
        subprocess.run([*words, str(folder / f"{host}.pem")], check=True, capture_output=True)
        context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        context.load_cert_chain(folder / f"{host}.pem", folder / f"{host}.key")
        assert stat.S_IMODE((folder / f"{host}.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "ca.key").stat().st_mode) == 0o600
    left = end_of_certificate(folder / "w1.pem") - datetime.now(UTC)
    assert timedelta(days=89) < left < timedelta(days=91)


def test_a_later_host_is_of_the_same_authority_and_nothing_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "crew"
    make(folder, "w1")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert make(folder, "w2").returncode == 0
    refused = make(folder, "w1")
    assert refused.returncode == 2
    assert "is there already" in refused.stderr
    assert {path.name: path.read_bytes() for path in folder.iterdir()}.items() >= before.items()


@pytest.mark.parametrize("content", [b"", b"nonsense"])
@pytest.mark.parametrize("name", ["ca.key", "ca.pem"])
def test_an_authority_that_cannot_be_read_is_named(
    tmp_path: Path, name: str, content: bytes
) -> None:
    folder = tmp_path / "crew"
    make(folder, "w1")
    (folder / name).write_bytes(content)
    refused = make(folder, "w2")
    assert refused.returncode == 2
    assert str(folder / name) in refused.stderr
    assert not list(folder.glob("w2*"))


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o604])
def test_doctor_finds_a_key_that_others_may_read(site: CrewSite, tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "crew"
    make(folder, "w1")
    (folder / "w1.key").chmod(mode)
    text = site.configuration.read_text().replace("tcp://", "tls://")
    files = {"ca_file": "ca.pem", "certificate": "w1.pem", "key": "w1.key"}
    lines = "".join(f'{name} = "{folder / file}"\n' for name, file in files.items())
    site.configuration.write_text(text.replace('engine = "dask"\n', f'engine = "dask"\n{lines}'))
    found = {finding.check: finding for finding in examine_crew(load_settings(site.configuration))}
    assert found["crew key"].state == (OK if mode == 0o600 else BAD)


@pytest.mark.parametrize("name", ["ca", "../w1", "a b", "w1."])
def test_what_is_no_name_of_a_host_gets_no_certificate(tmp_path: Path, name: str) -> None:
    assert make(tmp_path / "crew", name).returncode == 2
    assert {path.name for path in (tmp_path / "crew").glob("*")} <= {"ca.pem", "ca.key"}


@pytest.mark.parametrize("name", ["acquisition_2", "../w1", "w1.", "w" * 129])
def test_a_host_whose_sign_no_one_would_read_is_not_started(site: CrewSite, name: str) -> None:
    # 78: systemd does not start it again.
    with pytest.raises(ConfigError, match="--host") as refused:
        run_worker(load_settings(site.configuration), name)
    assert (refused.value.code, refused.value.exit_status) == ("host_name", 78)
