"""The unit of the page before the real systemd-analyze: it may look, and do nothing else."""

import configparser
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "systemd" / "vampd-web.service"


@pytest.fixture
def service() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    return parser["Service"]


def test_systemd_accepts_the_unit(tool: Callable[[str], str], tmp_path: Path) -> None:
    unit = tmp_path / "vampd-web.service"
    unit.write_text(UNIT.read_text().replace("=/usr/local/bin/vampd-web ", f"={tool('true')} "))
    words = ["verify", "--recursive-errors=yes", "--man=no", str(unit)]
    verdict = subprocess.run(
        [tool("systemd-analyze"), *words], capture_output=True, text=True, check=False
    )
    assert (verdict.returncode, verdict.stdout, verdict.stderr) == (0, "", "")


def test_it_is_exposed_to_less_than_vampd(tool: Callable[[str], str], tmp_path: Path) -> None:
    unit = tmp_path / "vampd-web.service"

    def judge(text: str) -> int:
        unit.write_text(text)
        words = ("security", "--offline=true", "--threshold=13", "--no-pager", str(unit))
        return subprocess.run(
            [tool("systemd-analyze"), *words], capture_output=True, text=True, check=False
        ).returncode

    assert judge(UNIT.read_text()) == 0
    assert judge(UNIT.read_text().replace("SystemCallFilter=", "#")) != 0


def test_vampd_and_the_page_do_not_know_each_other() -> None:
    vampd = (UNIT.parent / "vampd.service").read_text()
    assert "vampd-web" not in vampd
    for line in UNIT.read_text().splitlines():
        name, _, value = line.partition("=")
        if name in ("After", "Before", "BindsTo", "PartOf", "Requires", "Requisite", "Wants"):
            assert "vampd" not in value, line


def test_it_may_write_nothing_of_vampds_and_see_no_night(
    service: configparser.SectionProxy,
) -> None:
    assert service["DynamicUser"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert "ReadWritePaths" not in service
    assert "StateDirectory" not in service
    assert service["InaccessiblePaths"] == "-/mnt/fuuu"
    assert service["IPAddressDeny"] == "any"
    assert service["IPAddressAllow"] == "localhost"


def test_a_fault_in_the_settings_is_not_met_with_restarts(
    service: configparser.SectionProxy,
) -> None:
    assert service["Restart"] == "on-failure"
    assert service["RestartPreventExitStatus"] == "78"
