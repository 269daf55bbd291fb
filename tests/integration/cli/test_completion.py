"""What shells complete of what only the database knows: the nights, without a word of complaint."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from docs.completion import write_completions
from tests.support.daemon.site import Site, make_site
from tests.support.daemon.state import connected
from vampd.model.nights import Kind, NightId, StageName
from vampd.store.database.opening import Access, open_store

DATES = ["20251105", "20251106"]
PROGRAM = Path(sys.executable).parent / "vampctl"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = make_site(tmp_path)
    open_store(f"sqlite:///{made.database}", Access.MIGRATE).close()
    with connected(made) as connections:
        for date in reversed(DATES):
            for kind in Kind:
                connections.store.discover(NightId(date, kind), 0.0)
    return made


def complete(folder: Path, *words: str, **environ: str) -> set[str]:
    """What bash offers for the last word; nothing is written beside it."""
    write_completions(folder)
    script = (
        'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1));'
        ' _vampctl_words; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    path = folder / "bash-completion/completions/vampctl"
    shown = subprocess.run(
        ["/bin/bash", "--norc", "-uc", script, "bash", str(path), *words],
        env={"PATH": "/usr/bin:/bin", **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stderr == ""
    return set(shown.stdout.split())


def test_bash_offers_the_nights_on_record_where_one_may_stand(site: Site, tmp_path: Path) -> None:
    configured = ("--config", str(site.config))
    found = complete(tmp_path, str(PROGRAM), *configured, "why", "")
    assert found >= {*DATES, "last", "yesterday", "--json"}
    assert complete(tmp_path, str(PROGRAM), *configured, "retry", "2025") == set(DATES)
    assert complete(tmp_path, str(PROGRAM), *configured, "status", "--since", "") == set(DATES)
    by_variable = complete(tmp_path, str(PROGRAM), "release", "", VAMPD_CONFIG=str(site.config))
    assert by_variable >= set(DATES)
    assert complete(tmp_path, str(PROGRAM), *configured, "why", "--j") == {"--json"}


def test_bash_offers_kinds_and_stages(site: Site, tmp_path: Path) -> None:
    configured = ("--config", str(site.config))
    for words in (("status",), ("why", "20251106"), ("retry", "20251106")):
        assert complete(tmp_path, str(PROGRAM), *configured, *words, "--kind", "") == set(Kind)
    stages = complete(tmp_path, str(PROGRAM), *configured, "retry", "20251106", "--from", "")
    assert stages == set(StageName)


def test_bash_offers_codes_and_presets(tmp_path: Path) -> None:
    assert "night_unknown" in complete(tmp_path, "vampctl", "explain", "night_")
    assert complete(tmp_path, "vampctl", "simulate", "--preset", "t") == {"tiny"}


def _no_config(site: Site) -> None:
    site.config.unlink()


def _no_toml(site: Site) -> None:
    site.config.write_text("[database")


def _no_url(site: Site) -> None:
    site.config.write_text("database = 3")


def _no_database(site: Site) -> None:
    site.database.unlink()


def _no_nights(site: Site) -> None:
    site.database.write_bytes(b"not a database" * 100)


@pytest.mark.parametrize("spoil", [_no_config, _no_toml, _no_url, _no_database, _no_nights])
def test_without_configuration_or_database_a_tab_is_silent(
    site: Site, tmp_path: Path, spoil: Callable[[Site], None]
) -> None:
    spoil(site)
    words = (str(PROGRAM), "--config", str(site.config), "release", "2")
    assert complete(tmp_path, *words) == set()


def test_a_tab_writes_nothing_and_imports_nothing_that_is_slow(site: Site) -> None:
    before = {path: path.stat().st_mtime_ns for path in site.database.parent.iterdir()}
    program = (
        "import sys; from vampd.cli.shared.night_dates import night_dates;"
        f"print(*night_dates({str(site.config)!r}));"
        "print(*{'pydantic', 'typer', 'sqlalchemy', 'numpy', 'rich'} & sys.modules.keys())"
    )
    shown = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    )
    assert shown.stdout.splitlines() == [" ".join(DATES), ""]
    after = {path: path.stat().st_mtime_ns for path in site.database.parent.iterdir()}
    assert after == before
