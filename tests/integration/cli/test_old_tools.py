"""What commands say of the old tools: that they still work, and what their nights are good for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.daemon.running import run_until_idle, vampctl
from tests.support.daemon.site import Site, make_site
from tests.support.worlds.sites.old_products import copy_to_archive, make_old_products
from tests.support.worlds.sites.old_site import Life, make_old_site
from vampd.cli.checks.old_tools import warn_of_old_tools
from vampd.config import load_settings
from vampd.engine.nights.old_cron import find_jobs, find_life_signs, read_crontabs
from vampd.model.nights import Kind, NightId
from vampd.store.database.opening import Access, open_store

NOW = 2e9
LEGACY = NightId("20240611", Kind.ARCHIVE)


@pytest.fixture(scope="module")
def legacy(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site with a night that the old tools packed, which vampd has found."""
    site = make_site(tmp_path_factory.mktemp("legacy"))
    open_store(load_settings(site.config).database.url, Access.MIGRATE).close()
    make_old_products(site.folder(LEGACY), packed=(1, 2), last="Syncing to scexao6")
    copy_to_archive(site.folder(LEGACY), site.copy(LEGACY))
    assert run_until_idle(site).status == 0
    return site


def test_a_cron_that_ran_lately_is_warned_of_with_the_nights_that_it_would_take(
    tmp_path: Path,
) -> None:
    old = make_old_site(tmp_path, 4, (Life.ONLY_ROW, Life.SAFE, Life.ENDED))
    assert warn_of_old_tools(tmp_path, NOW) == ""
    log = tmp_path / "ARCHIVED_DATA" / "LOGS" / "archive-cronjobs.log"
    log.parent.mkdir()
    log.touch()
    os.utime(log, (NOW - 10_800,) * 2)
    warning = warn_of_old_tools(tmp_path, NOW)
    for part in (
        "archive-cronjobs.log was written 3 h ago",
        f"take raw of {old.nights[0].night.date} archive",
        f"delete ARCHIVED_DATA/{old.nights[1].night.date}/vgen2",
    ):
        assert part in warning
    os.utime(log, (NOW - 5 * 86_400,) * 2)
    assert find_life_signs(tmp_path, NOW) == ()


def test_a_crontab_that_starts_them_is_found_and_one_that_cannot_be_read_is_passed_over(
    tmp_path: Path,
) -> None:
    (tmp_path / "crontabs").mkdir()
    (tmp_path / "crontabs" / "scexao").write_text("0 12 * * * scxkw-vamp-archive-processor\n")
    (tmp_path / "crontabs" / "root").write_text("# nothing\n")
    os.mkfifo(tmp_path / "crontabs" / "pipe")
    texts = read_crontabs([tmp_path / "crontabs", tmp_path / "absent"])
    assert find_jobs(texts) == (f"{tmp_path}/crontabs/scexao starts them",)


@pytest.mark.parametrize(
    "words",
    [
        ("purge", "--dry-run"),
        ("audit",),
        ("summary",),
        ("correct", "--set", "OBJECT=M42", "--where", "20240611..20240612", "--why", "a typo"),
    ],
    ids=lambda words: words[0],
)
def test_no_command_advises_for_a_night_of_the_old_tools_what_is_refused_of_it(
    legacy: Site, words: tuple[str, ...]
) -> None:
    command, *others = words
    said = vampctl(legacy, command, LEGACY.date, *others)
    text = " ".join((said.stdout + said.stderr).split())
    assert "old tools" in text
    for refused in ("retry", "restore", "status", "acknowledge", "NOT balanced"):
        assert refused not in text
