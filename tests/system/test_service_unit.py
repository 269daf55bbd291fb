"""The service unit before the real systemd-analyze.

`--recursive-errors=yes` matters: without it an unknown key is a remark on stderr and exit status 0.
"""

import configparser
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "systemd" / "vampd.service"

Verify = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture
def verify(tool: Callable[[str], str], tmp_path: Path) -> Verify:
    """Judge the text of a unit, installed as vampd.service, its program taken to be there."""
    analyze = tool("systemd-analyze")
    program = tool("true")

    def judge(text: str) -> subprocess.CompletedProcess[str]:
        unit = tmp_path / "vampd.service"
        unit.write_text(text.replace("=/usr/local/bin/vampd ", f"={program} "))
        return subprocess.run(
            [analyze, "verify", "--recursive-errors=yes", "--man=no", str(unit)],
            capture_output=True,
            text=True,
            check=False,
        )

    return judge


@pytest.fixture
def service() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    return parser["Service"]


def test_systemd_accepts_the_unit(verify: Verify) -> None:
    verdict = verify(UNIT.read_text())
    assert (verdict.returncode, verdict.stdout, verdict.stderr) == (0, "", "")


def test_the_unit_waits_for_the_disks_of_root_and_state() -> None:
    (line,) = [text for text in UNIT.read_text().splitlines() if text.startswith("RequiresMounts")]
    assert line.partition("=")[2].split() == ["/mnt/fuuu", "/var/lib/vampd"]


@pytest.mark.parametrize(
    ("good", "bad", "complaint"),
    [
        ("OOMPolicy=continue", "OOMPolicey=continue", "Unknown key 'OOMPolicey'"),
        ("OOMPolicy=continue", "OOMPolicy=maybe", "Failed to parse OOM policy"),
        ("WatchdogSec=60", "WatchdogSec=often", "Failed to parse sec value"),
        ("/usr/local/bin/vampd ", "/usr/local/bin/wampd ", "is not executable"),
    ],
)
def test_systemd_refuses_a_unit_with_a_fault(
    verify: Verify, good: str, bad: str, complaint: str
) -> None:
    text = UNIT.read_text()
    assert good in text
    verdict = verify(text.replace(good, bad))
    assert verdict.returncode != 0
    assert complaint in verdict.stderr


def test_a_fault_in_the_settings_is_not_met_with_restarts(
    service: configparser.SectionProxy,
) -> None:
    assert service["Restart"] == "on-failure"
    assert service["RestartPreventExitStatus"] == "78"


def test_a_worker_killed_for_its_memory_does_not_stop_the_daemon(
    service: configparser.SectionProxy,
) -> None:
    assert service["OOMPolicy"] == "continue"


def test_running_actions_get_their_thirty_seconds(service: configparser.SectionProxy) -> None:
    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) > 30


def test_the_watchdog_listens_to_the_daemon_alone(service: configparser.SectionProxy) -> None:
    assert service["Type"] == "notify"
    assert service["NotifyAccess"] == "main"
    assert int(service["WatchdogSec"]) > 0


def test_the_answers_of_gen2_and_the_ssh_keys_stay_visible(
    service: configparser.SectionProxy,
) -> None:
    assert service["PrivateTmp"] == "no"
    assert service["ProtectHome"] == "read-only"


def test_the_service_is_exposed_to_little(tool: Callable[[str], str], tmp_path: Path) -> None:
    analyze = tool("systemd-analyze")
    hardened = tmp_path / "vampd.service"

    def judge(text: str) -> subprocess.CompletedProcess[str]:
        hardened.write_text(text)
        # Offline it reads the unit by its path; the threshold is ten times the score.
        words = ("security", "--offline=true", "--threshold=17", "--no-pager", str(hardened))
        return subprocess.run([analyze, *words], capture_output=True, text=True, check=False)

    verdict = judge(UNIT.read_text())
    assert verdict.returncode == 0, verdict.stdout
    careless = UNIT.read_text().replace("SystemCallFilter=", "#").replace("Capability", "#")
    assert judge(careless).returncode != 0


def test_each_point_that_counts_is_explained(tool: Callable[[str], str], tmp_path: Path) -> None:
    unit = tmp_path / "vampd.service"
    unit.write_text(UNIT.read_text())
    words = ("security", "--offline=true", "--no-pager", str(unit))
    shown = subprocess.run(
        [tool("systemd-analyze"), *words], capture_output=True, text=True, check=True
    ).stdout
    counted = {line.split()[1].partition("=")[0] for line in shown.splitlines() if "✗" in line}
    page = (UNIT.parents[1] / "docs" / "security.md").read_text()
    explained = page.rpartition("### The unit")[2]
    assert counted
    assert not [name for name in counted if f"`{name}=" not in explained]


def test_the_memory_that_the_cameras_share_survives(service: configparser.SectionProxy) -> None:
    assert service["RemoveIPC"] == "no"
    assert service["PrivateUsers"] == "no"


def test_the_example_drop_in_is_accepted(verify: Verify) -> None:
    example = UNIT.with_name("owner.conf").read_text()
    settings = [line.lstrip("#") for line in example.splitlines() if "=" in line[:20]]
    assert {line.partition("=")[0] for line in settings} == {
        "User",
        "CPUAffinity",
        "ReadWritePaths",
    }
    verdict = verify(UNIT.read_text().replace("[Install]", "\n".join([*settings, "", "[Install]"])))
    assert (verdict.returncode, verdict.stdout, verdict.stderr) == (0, "", "")
