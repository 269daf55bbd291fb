"""vampctl as a program: exit statuses, pipes, terminals, and real nights in a real store."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from tests.support.builders.nights import make_night
from tests.support.daemon.running import run_until_idle, vampctl
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, copy_site, make_site
from tests.support.examples import others_in_soak
from tests.support.tools.terminal import run_in_terminal
from tests.support.tools.warm_start import start
from vampd.cli import program
from vampd.model.nights import Kind, NightId
from vampd.simulate import Truth

BIN = Path(sys.executable).parent
ARCHIVE = NightId("20251106", Kind.ARCHIVE)
ENGINEERING = NightId("20251106", Kind.ENGINEERING)
CONTRACT = {"date", "kind", "stage", "status", "safe_at", "frames", "bytes", "attempts", "error"}
UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture(scope="module")
def truths() -> dict[Kind, Truth]:
    """What is true of the module's two nights; filled when they are made."""
    return {}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, truths: dict[Kind, Truth]) -> Site:
    """Both kinds of night of one date, done; tests leave them as they are."""
    made = make_site(tmp_path_factory.mktemp("site"))
    for night in (ARCHIVE, ENGINEERING):
        truths[night.kind] = make_night(made.root, night.date, night.kind)[1]
    settle_here(made)
    return made


@pytest.fixture
def own_site(site: Site, tmp_path: Path) -> Site:
    """A copy of the finished site that a test may change."""
    return copy_site(site, tmp_path / "own")


def reported(site: Site, *words: str) -> list[dict]:
    done = vampctl(site, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_json_shows_that_both_nights_are_done_and_safe(site: Site) -> None:
    for words in (("status",), ("status", "20251106"), ("status", "2025-11-06")):
        nights = reported(site, *words)
        assert [night["kind"] for night in nights] == ["archive", "engineering"]
        for night in nights:
            assert night.keys() >= CONTRACT
            assert (night["date"], night["status"], night["error"]) == ("20251106", "done", None)
            assert UTC.fullmatch(night["safe_at"])
            assert night["frames"] > 0
            assert night["bytes"] > 0


def test_the_audit_counts_what_the_simulator_wrote(site: Site, truths: dict[Kind, Truth]) -> None:
    for kind in Kind:
        done = vampctl(site, "audit", "20251106", "--kind", kind, "--json")
        counted = json.loads(done.stdout)
        bad = {cube.path: cube.frames for cube in truths[kind].bad_cubes}
        assert done.returncode == 0
        assert counted["balanced"] is True
        assert counted["raw_frames"] == len(truths[kind])
        assert {c["path"]: c["frames"] for c in counted["rejected"]} == bad
        assert all(cube["code"] and cube["reason"] for cube in counted["rejected"])
        assert counted["rejected_frames"] == sum(bad.values()) > 0
        (night,) = reported(site, "status", "--kind", kind)
        assert night["quality"]["aside"] == counted["rejected_frames"]
        assert night["quality"]["aside_cubes"] == len(counted["rejected"])
        assert night["quality"]["raw"] == counted["raw_frames"]
        assert counted["product_frames"] == len(truths[kind]) - sum(bad.values())


def test_a_product_that_is_gone_unbalances_the_audit_and_sync_plans_it_again(
    own_site: Site,
) -> None:
    products = sorted((own_site.folder(ENGINEERING) / "vgen2").glob("*.fits.fz"))
    products[0].unlink()
    audit = ("audit", "20251106", "--kind", "engineering")
    done = vampctl(own_site, *audit)
    assert done.returncode == 1
    assert "NOT balanced" in done.stdout
    assert "neither packed nor a framelist" in done.stdout
    retried = vampctl(own_site, "retry", "20251106", "--kind", "engineering", "--from", "sync")
    assert retried.stdout == "20251106 engineering: ready at sync (was done at transfer)\n"
    plan = vampctl(own_site, "plan", "20251106", "--kind", "engineering").stdout
    stem = products[0].name.removesuffix(".fits.fz")
    assert plan.splitlines()[1:3] == [
        "wave 1 of 1: 1 action",
        next(
            line for line in plan.splitlines() if f"write framelist  vgen2/{stem}.framelist" in line
        ),
    ]
    settle_here(own_site)
    assert vampctl(own_site, *audit).returncode == 0


def test_late_cubes_unbalance_the_audit_until_the_daemon_has_seen_them(own_site: Site) -> None:
    raw = own_site.folder(ENGINEERING) / "vcam1"
    cube = max(raw.glob("*.fits"))
    late = raw / "vcam1_23:00:00.000000000.fits"
    shutil.copy(cube, late)
    (raw / "growing.fits.12.34.tmp").write_bytes(cube.read_bytes())
    done = vampctl(own_site, "audit", "20251106", "--kind", "engineering", "--json")
    assert done.returncode == 1
    counted = json.loads(done.stdout)
    # A logger's temporary file is no cube yet.
    assert [found["path"] for found in counted["late"]] == [f"vcam1/{late.name}"]
    assert counted["late_frames"] == counted["late"][0]["frames"] > 0
    assert counted["balanced"] is False


def test_a_finished_night_has_nothing_left_to_do(site: Site) -> None:
    for kind in Kind:
        done = vampctl(site, "plan", "20251106", "--kind", kind)
        assert (done.returncode, done.stdout.splitlines()[1:]) == (0, ["nothing left to do"])


def test_looking_changes_nothing(own_site: Site) -> None:
    def state() -> dict[Path, tuple[int, int]]:
        return {
            path: (path.lstat().st_mtime_ns, path.lstat().st_size)
            for path in own_site.root.rglob("*")
        }

    vampctl(own_site, "retry", "20251106", "--kind", "archive", "--from", "sync")
    before = state(), reported(own_site, "status", "20251106")
    for words in (("status",), ("status", "20251106")):
        assert vampctl(own_site, *words).returncode == 0
    for command in ("plan", "audit"):
        assert vampctl(own_site, command, "20251106", "--kind", "archive").returncode == 0
    after = state(), reported(own_site, "status", "20251106")
    assert [n["events"] for n in after[1]] == [n["events"] for n in before[1]]
    assert after[0] == before[0]


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("status", "20251107"), 2, "nearest: 20251106 (archive), 20251106 (engineering)"),
        (("status", "tomorrow"), 2, "UT date such as 20251106"),
        (("plan", "20251106"), 2, "--kind archive or --kind engineering"),
        (("hold", "20251106", "--kind", "archive"), 2, "cannot be held"),
        (("retry", "20251106", "--kind", "engineering", "--from", "frameids"), 2, "no stage"),
        (("polish",), 2, "polish"),
        (("status", "--kind", "lunar"), 2, "lunar"),
        (("simulate", "--preset", "lunar"), 2, "there are tiny"),
        (("simulate", "--date", "20251131"), 2, "UT date"),
    ],
)
def test_usage_errors_are_one_message_and_exit_with_2(
    site: Site, words: tuple[str, ...], status: int, message: str
) -> None:
    done = vampctl(site, *words)
    assert done.returncode == status
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("program", ["vampctl", "vampd"])
@pytest.mark.parametrize(
    ("text", "reported"),
    others_in_soak(
        [
            ("[watch]\nroto = '/x'\n", "unknown key watch.roto, did you mean watch.root?"),
            (None, "cannot read the configuration"),
            ("[watch", "not valid TOML"),
        ]
    ),
)
def test_a_configuration_that_cannot_be_used_exits_with_78(
    tmp_path: Path, program: str, text: str | None, reported: str
) -> None:
    config = tmp_path / "vampd.toml"
    if text is not None:
        config.write_text(text)
    command: list[str | Path] = [BIN / program, "--config", config]
    if program == "vampctl":
        command.append("status")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith(f"{program}: ")
    assert reported in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_database_a_person_is_told_to_start_vampd(tmp_path: Path) -> None:
    done = vampctl(make_site(tmp_path), "status")
    assert done.returncode == 1
    assert "start vampd" in done.stderr
    assert not list((tmp_path / "state").iterdir())


def test_a_database_that_is_none_stops_vampd_with_a_message(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    site.database.write_bytes(b"no database\n" * 1000)
    daemon, person = run_until_idle(site), vampctl(site, "status")
    for status, said in ((daemon.status, daemon.log), (person.returncode, person.stderr)):
        assert status == 1
        assert str(site.database) in said
        assert "Traceback" not in said
    assert site.database.read_bytes().startswith(b"no database\n")


def test_the_environment_names_the_configuration_and_the_option_outranks_it(site: Site) -> None:
    config = str(site.config)
    cases: tuple[tuple[list[str], str], ...] = (
        (["status"], config),
        (["status", "--config", config], "/nowhere.toml"),
        (["--config", config, "status"], "/nowhere.toml"),
    )
    for words, reported in cases:
        environ = os.environ | {"VAMPD_CONFIG": reported}
        with TemporaryFile() as out:
            assert start([str(BIN / "vampctl"), *words], environ, out, out).wait(60) == 0, words


def test_a_pipe_gets_plain_text_even_where_colour_is_forced(site: Site) -> None:
    done = vampctl(site, "status", FORCE_COLOR="1", COLUMNS="40")
    assert "\x1b" not in done.stdout
    *table, sums, daemon = done.stdout.splitlines()
    assert (len(table), sums) == (3, "2 nights: 1 unmailed")
    assert daemon.startswith("vampd is NOT running")


def test_a_terminal_gets_colours_unless_no_color_is_set(site: Site) -> None:
    command: list[str | Path] = [BIN / "vampctl", "--config", site.config, "status"]
    assert "\x1b[32mdone" in run_in_terminal(command, 80)
    plain = re.sub(r"\x1b\[1?m|\x1b\[0m", "", run_in_terminal(command, 80, NO_COLOR="1"))
    assert "\x1b" not in plain


@pytest.mark.parametrize("columns", [80, 160])
def test_nothing_is_wider_than_the_terminal_and_no_word_of_a_note_is_lost(
    own_site: Site, columns: int
) -> None:
    reason = " ".join(f"word{number}" for number in range(60))
    kind = ("20251106", "--kind", "engineering")
    vampctl(own_site, "retry", *kind)
    vampctl(own_site, "hold", *kind, "--reason", reason)
    for words in (("status",), ("status", "20251106")):
        shown = run_in_terminal(
            [BIN / "vampctl", "--config", own_site.config, *words], columns, NO_COLOR="1"
        )
        plain = re.sub(r"\x1b\[\d*m", "", shown)
        assert max(map(len, plain.splitlines())) <= columns
        assert reason in " ".join(plain.split())


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_goes_away_is_no_error(site: Site, unbuffered: str) -> None:
    with subprocess.Popen(
        [BIN / "vampctl", "--config", site.config, "status", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize(
    "asked",
    ["status", "status --json", f"why {ARCHIVE.date}", f"history {ARCHIVE.date}", "transfers"],
)
def test_what_asks_the_database_alone_imports_nothing_else(site: Site, asked: str) -> None:
    words = ["vampctl", *asked.split(), "--config", str(site.config)]
    script = (
        "import sys\n"
        "from vampd.cli.main import main\n"
        f"sys.argv = {words}\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert end.code == 0, end.code\n"
        "heavy = 'alembic astropy numpy pebble rich structlog systemd watchdog'.split()\n"
        "heavy += ['vampd.cli.act', 'vampd.cli.files', 'vampd.cli.mail', 'vampd.stages']\n"
        "if 'why' not in sys.argv:\n    heavy += ['vampd.cli.look.why']\n"
        "sys.stderr.write(' '.join(name for name in heavy if name in sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("command", ["", *getattr(get_command(program.make_app()), "commands", ())])
def test_every_command_has_examples_under_both_names_of_help(command: str) -> None:
    words = [command] if command else []
    long, short = (
        CliRunner().invoke(program.app_for(words), [*words, option], env={"COLUMNS": "80"}).stdout
        for option in ("--help", "-h")
    )
    assert long == short
    assert f"  vampctl {command}" in long.partition("Examples:")[2]


def test_simulate_needs_no_database_and_writes_below_the_configured_root(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    truth = tmp_path / "truth.tsv"
    words = ("simulate", "--preset", "tiny", "--date", "2025-11-08", "--kind", "engineering")
    done = vampctl(site, *words, "--truth", str(truth), "--seed", "3")
    assert done.returncode == 0, done.stderr
    cubes = list((site.root / "20251108").glob("vcam?/*.fits"))
    assert f"in {len(cubes)} cubes" in done.stdout
    assert len({line.split("\t")[1] for line in truth.read_text().splitlines()[1:]}) == len(cubes)
    assert not site.database.exists()
    # A night that is there is never added to: it may be a real one.
    again = vampctl(site, *words, "--seed", "4")
    assert (again.returncode, "already exists" in again.stderr) == (2, True)
    assert len(list((site.root / "20251108").glob("vcam?/*.fits"))) == len(cubes)


def test_simulate_keeps_the_truth_out_of_the_night_and_shows_what_it_cannot_write(
    site: Site, tmp_path: Path
) -> None:
    inside = tmp_path / "20251101" / "truth.tsv"
    words = ("--preset", "tiny", "--date", "20251101", "--kind", "engineering")
    done = vampctl(site, "simulate", str(tmp_path), *words, "--truth", str(inside))
    assert (done.returncode, "may not be inside the night" in done.stderr) == (2, True)
    file = tmp_path / "file"
    file.write_text("")
    done = vampctl(site, "simulate", str(file / "root"), *words)
    assert (done.returncode, "cannot write" in done.stderr) == (2, True)
    assert "Traceback" not in done.stderr


def test_simulate_in_real_time_takes_the_nights_own_time(tmp_path: Path) -> None:
    for logger, date in (("recent", "20251101"), ("old", "20251102")):
        words = ("--preset", "tiny", "--date", date, "--kind", "engineering")
        paced = ("--real-time", logger, "--speed", "200")
        done = vampctl(make_site(tmp_path / "site"), "simulate", str(tmp_path), *words, *paced)
        assert done.returncode == 0, done.stderr
        assert not list((tmp_path / date).glob("vcam?/*.tmp"))
    recent, old = (
        {p.relative_to(tmp_path / date) for p in (tmp_path / date).glob("vcam?/*.fits")}
        for date in ("20251101", "20251102")
    )
    assert recent == old


@pytest.mark.parametrize("program", ["vampctl", "vampd"])
def test_the_version_is_reported(program: str) -> None:
    from vampd import __version__

    done = subprocess.run(
        [BIN / program, "--version"], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == f"{program} {__version__}\n"
