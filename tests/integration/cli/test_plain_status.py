"""`vampctl status` by the quick way shows what it shows by the slow one, or is left to that."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.support.daemon.site import Site, make_site
from tests.support.worlds.records.varied_nights import make_varied
from vampd.cli.program import app_for
from vampd.cli.status.plain import show_plainly
from vampd.config import load_settings
from vampd.daemon.life import SignsOfLife
from vampd.disk.life_signs import leave_sign, look_for_life, sign_path
from vampd.model.life_sign import LifeSign

NOW = 1_762_560_000.0


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    database = tmp_path_factory.mktemp("varied") / "vampd.db"
    make_varied(database, 25)
    return database.read_bytes()


@pytest.fixture
def site(varied: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    made = make_site(tmp_path)
    made.database.write_bytes(varied)
    monkeypatch.setattr(time, "time", lambda: NOW)
    leave(made)
    return made


def leave(site: Site, refused: str | None = None) -> LifeSign:
    """The sign of a vampd that worked by this configuration, and has stopped."""
    signs = SignsOfLife(site.database, site.config)
    signs.now_in_force(load_settings(site.config), refused)
    signs.tell("rests")
    signs.end()
    return sign_of(site)


def sign_of(site: Site) -> LifeSign:
    sign = look_for_life(site.database, NOW).sign
    assert sign is not None
    return sign


def plainly(site: Site, *words: str) -> int | None:
    return show_plainly(["--config", str(site.config), "status", *words])


@pytest.mark.parametrize(
    "words",
    [
        "",
        "--json",
        "--wide --check",
        "--problems",
        "--held --unsafe",
        "--unmailed --json",
        "--all",
        "--columns date,kind,note",
        "--since 20251101",
        "20251105",
        "last --json",
    ],
)
def test_both_ways_show_the_same(
    site: Site, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_status = plainly(site, *words.split())
    typed = ["--config", str(site.config), "status", *words.split()]
    result = CliRunner().invoke(app_for(typed), typed)
    assert (exit_status, capsys.readouterr().out) == (result.exit_code, result.stdout)
    assert result.stdout


def _another_text(site: Site) -> None:
    site.config.write_text(site.config.read_text() + "\n# another text\n")


def _no_toml(site: Site) -> None:
    site.config.write_text("[watch")


def _no_tables(site: Site) -> None:
    site.config.write_text("database = 3\n")


def _no_sign(site: Site) -> None:
    sign_path(site.database).unlink()


def _another_version(site: Site) -> None:
    leave_sign(sign_path(site.database), replace(sign_of(site), version="0.0.1"))


def _another_file(site: Site) -> None:
    leave_sign(sign_path(site.database), replace(sign_of(site), configuration="/etc/x.toml"))


def _an_older_sign(site: Site) -> None:
    leave_sign(sign_path(site.database), replace(sign_of(site), accepted=None))


def _another_schema(site: Site) -> None:
    with closing(sqlite3.connect(site.database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")


@pytest.mark.parametrize(
    "change",
    [
        _another_text,
        _no_toml,
        _no_tables,
        _no_sign,
        _another_version,
        _another_file,
        _an_older_sign,
        _another_schema,
    ],
)
def test_what_is_not_as_vampd_accepted_it_is_left_to_the_command(
    site: Site, change: Callable[[Site], None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert plainly(site) == 0
    assert capsys.readouterr().out
    change(site)
    assert plainly(site) is None
    assert not capsys.readouterr().out


def test_columns_that_there_are_not_are_left_to_the_command(site: Site) -> None:
    assert plainly(site, "--columns", "date,foo") is None


def test_a_file_that_says_otherwise_than_what_is_in_force_is_not_accepted(site: Site) -> None:
    assert leave(site).accepted is not None
    other = load_settings(site.config)
    watch = other.watch.model_copy(update={"quiet_after_s": 7.5})
    signs = SignsOfLife(site.database, site.config)
    signs.now_in_force(other.model_copy(update={"watch": watch}), None)
    signs.tell("rests")
    assert sign_of(site).accepted is None
    site.config.write_text("[watch")
    signs.now_in_force(other, "it is no TOML")
    signs.tell("rests")
    assert sign_of(site).accepted is None


def test_status_imports_nothing_that_is_slow(site: Site) -> None:
    program = (
        "import atexit, sys; from vampd.cli.main import main;"
        "slow = {'pydantic', 'typer', 'sqlalchemy', 'numpy', 'rich', 'subprocess'};"
        "atexit.register(lambda: print(*slow & sys.modules.keys(), file=sys.stderr));"
        f"sys.argv[1:] = ['--config', {str(site.config)!r}, 'status']; main()"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert shown.stdout
    assert shown.stderr == "\n"
