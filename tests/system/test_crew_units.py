"""The units of more hosts before the real systemd-analyze."""

import configparser
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "systemd"
NAMES = ("vampd-scheduler", "vampd-worker")
PROGRAMS = ("/usr/local/lib/vampd/bin/dask ", "/usr/local/bin/vampd-worker ")


def service_of(name: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(FOLDER / f"{name}.service")
    return parser["Service"]


@pytest.mark.parametrize("name", NAMES)
def test_systemd_accepts_the_unit(tool: Callable[[str], str], tmp_path: Path, name: str) -> None:
    text = (FOLDER / f"{name}.service").read_text()
    for program in PROGRAMS:
        text = text.replace(f"={program}", f"={tool('true')} ")
    unit = tmp_path / f"{name}.service"
    unit.write_text(text)
    words = ["verify", "--recursive-errors=yes", "--man=no", str(unit)]
    verdict = subprocess.run(
        [tool("systemd-analyze"), *words], capture_output=True, text=True, check=False
    )
    assert (verdict.returncode, verdict.stdout, verdict.stderr) == (0, "", "")


@pytest.mark.parametrize(("name", "most"), [("vampd-scheduler", 11), ("vampd-worker", 13)])
def test_it_is_exposed_to_little(tool: Callable[[str], str], name: str, most: int) -> None:
    unit = str(FOLDER / f"{name}.service")
    words = ("security", "--offline=true", f"--threshold={most}", "--no-pager", unit)
    shown = subprocess.run(
        [tool("systemd-analyze"), *words], capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0, shown.stdout


@pytest.mark.parametrize("name", NAMES)
def test_it_is_always_started_again(name: str) -> None:
    assert service_of(name)["Restart"] == "always"


def test_the_scheduler_sees_no_night_and_no_state() -> None:
    service = service_of("vampd-scheduler")
    assert service["DynamicUser"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert "ReadWritePaths" not in service
    text = (FOLDER / "vampd-scheduler.service").read_text()
    assert "InaccessiblePaths=-/mnt/fuuu\n" in text
    assert "InaccessiblePaths=-/var/lib/vampd\n" in text


def test_the_scheduler_takes_none_without_a_certificate_and_tries_nothing_again() -> None:
    text = (FOLDER / "vampd-scheduler.service").read_text()
    for line in ("COMM__REQUIRE_ENCRYPTION=True", "SCHEDULER__ALLOWED_FAILURES=0",
                 "SCHEDULER__WORKER_SATURATION=1.0", "SCHEDULER__HTTP__ROUTES=[]"):  # fmt: skip
        assert f"\nEnvironment=DASK_DISTRIBUTED__{line}\n" in text
    assert "--protocol tls" in text


def test_a_worker_may_write_the_nights_alone() -> None:
    service = service_of("vampd-worker")
    assert service["ProtectSystem"] == "strict"
    assert service["ReadWritePaths"] == "/mnt/fuuu"
    assert service["RestartPreventExitStatus"] == "78"
