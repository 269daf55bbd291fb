"""What every test may count on.

- Builders and fakes lie in the package `tests.support`: `from tests.support.builders.nights import
  ...` (the root of the repository is on the import path, see `pythonpath` in pyproject.toml).
- Tests run in Hawaiian time, as the instrument's computers may, so that a local time in place of UT
  shows.
- Tests see no VAMPD_* variable of the person who starts them.
- Their folders are in memory, where fsync costs nothing, unless they are about the disk.
- A tool that is missing fails its test (fixture `tool`), and in CI no test may be skipped: a check
  that did not run must not look like one that passed.
"""

import fcntl
import gc
import os
import shutil
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

from tests.support.tools.memory import in_memory

ROOT = Path(__file__).parent.parent
# What is judged here is the disk, its page cache, or a program beside it.
_ABOUT_THE_DISK = tuple(
    ROOT / "tests" / folder
    for folder in ("integration/disk", "integration/fits", "integration/packing", "system")
)
# Where migrations are judged, new databases are migrated.
_ABOUT_MIGRATIONS = ROOT / "tests" / "integration" / "store"
REAL_TELEMETRY = ROOT.parent / "shared" / "reference" / "real-telemetry"
# The one reason to skip that CI accepts: this folder is no part of the repository.
NO_TELEMETRY = "no reference/real-telemetry beside the repository"

IN_CI = bool(os.environ.get("CI"))
# The soak's round, which its tests take their seeds from (`tests.support.examples.seeds_of_round`).
SOAK_ROUND = int(os.environ.get("SOAK_ROUND") or 0)

# POSIX form, so that no time zone database is needed; inherited by every process a test starts.
os.environ["TZ"] = "HST10"
time.tzset()

# Of each law, and fewer where the same are drawn each time; many times as many in the soak.
_EXAMPLES = 20
_SAME_EXAMPLES = 12

# deadline: machines of two cores stumble; pytest-timeout ends what hangs.
# ci: the same examples in every run, so that a red run is about the change; dev looks further,
# check (of `make check`) less far.
settings.register_profile("dev", deadline=None, print_blob=True, max_examples=_EXAMPLES)
settings.register_profile(
    "ci",
    deadline=None,
    print_blob=True,
    max_examples=_SAME_EXAMPLES,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("check", parent=settings.get_profile("dev"), max_examples=15)
settings.register_profile("soak", parent=settings.get_profile("dev"), max_examples=1000)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if IN_CI else "dev")
IN_SOAK = PROFILE == "soak"
settings.load_profile(PROFILE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their folder, and begin with the longest.

    Those below tests/system are `system`. With the profile of the soak, the laws are `soak` too:
    they get more examples there.
    """
    tests = Path(__file__).parent
    for item in items:
        if tests / "system" in item.path.parents:
            item.add_marker(pytest.mark.system)
        is_law = is_hypothesis_test(getattr(item, "obj", None))
        if IN_SOAK and (is_law or tests / "properties" in item.path.parents):
            item.add_marker(pytest.mark.soak)
    items.sort(key=lambda item: item.get_closest_marker("early") is None)


def pytest_collection_finish() -> None:
    """Let no garbage collection go through what was imported and collected.

    Tests that plan in this process collect as often as a worker of vampd, whose heap is small.
    """
    gc.freeze()


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not IN_CI or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if NO_TELEMETRY not in reason:
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: CI may not skip ({reason})"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI, a skipped test is a failed one."""
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """In CI, a module that skips itself is a failed one.

    All processes of a run import the same modules at the same time. The first one compiles them,
    for a fresh clone has nothing compiled, and the others load what it has written.
    """
    with ExitStack() as held:
        if isinstance(collector, pytest.Module):
            fcntl.flock(held.enter_context(collector.path.open()), fcntl.LOCK_EX)
        report = yield
    _refuse_skip(report)
    return report


@pytest.fixture(autouse=True)
def _no_settings_of_the_person(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("VAMPD_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _databases_by_copying(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    # Tests of rules import no database.
    if (
        "vampd.store.database.opening" in sys.modules
        and _ABOUT_MIGRATIONS not in request.path.parents
    ):
        from tests.support.worlds.records.databases import migrate_by_copying

        monkeypatch.setattr("vampd.store.database.opening._migrate", migrate_by_copying)


@pytest.fixture
def tmp_path(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """pytest's own folder, or one in memory; gone with the test there."""
    if any(folder in request.path.parents for folder in _ABOUT_THE_DISK):
        yield tmp_path
        return
    with in_memory(tmp_path) as folder:
        yield folder


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """Path of a program, `tool("funpack")`; fails the test when it is not installed."""

    def find(name: str) -> str:
        # sshd lives in sbin, which is not on everybody's path.
        path = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
        if path is None:
            pytest.fail(f"{name} is not installed; `make setup` installs it")
        return path

    return find


@pytest.fixture(scope="session")
def real_telemetry() -> Path:
    """The folder of real timing files and headers; skips where it is not."""
    if not REAL_TELEMETRY.is_dir():
        pytest.skip(NO_TELEMETRY)
    return REAL_TELEMETRY
