"""`doctor` and `status` say while the old tools still work, and what they would do."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.worlds.sites.old_site import Life, make_old_site
from vampd.cli.checks.old_tools import warn_of_old_tools
from vampd.engine.nights.old_cron import find_jobs, find_life_signs, read_crontabs

NOW = 2e9


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
