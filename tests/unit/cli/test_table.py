"""vampctl table: the layout of the documentation page, to the blank."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.builders.settings import make_settings
from tests.support.tools.terminal import FakeWorld, fake_world
from vampd.errors import UsageError
from vampd.model.accounts import Adoption, OldState
from vampd.model.nights import Kind, NightId, NightUpdate, StatusRow

# instrument.md, "Status tables"; its /mnt/fuuu is the test's root.
PAGE = """\
scexao5_path                      utc_date    processed  processed_timestamp  transferred_to_scexao6  transferred_timestamp  safe_on_scexao6  safe_timestamp
/mnt/fuuu/ARCHIVED_DATA/20251004  2025-10-04  True                            True                                           True             2025-11-14T20:19:46
/mnt/fuuu/ARCHIVED_DATA/20251106  2025-11-06  True       2025-11-07T01:51:53  True                    2025-11-07T02:51:24    True             2025-11-14T20:15:09
/mnt/fuuu/ARCHIVED_DATA/20260102  2026-01-02  False                           False                                          False
"""  # noqa: E501
OLD_LOG = """\
scexao5_path,utc_date,processed,processed_timestamp,transferred_to_scexao6,transferred_timestamp,safe_on_scexao6,safe_timestamp
{root}/ARCHIVED_DATA/20251004,2025-10-04,True,,True,,True,2025-11-14T20:19:46
"""


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeWorld:
    made = fake_world(monkeypatch)
    # As long as /mnt/fuuu, because columns are as wide as their widest cell.
    made.settings = make_settings(root=tmp_path)
    for date in ("20260102", "20251106", "20251004"):
        made.store.discover(NightId(date, Kind.ARCHIVE), 0.0)
    made.store.discover(NightId("20251106", Kind.ENGINEERING), 0.0)
    made.store.update(
        NightId("20251106", Kind.ARCHIVE),
        NightUpdate(
            processed_at=seconds("2025-11-07T01:51:53"),
            transferred_at=seconds("2025-11-07T02:51:24"),
            safe_at=seconds("2025-11-14T20:15:09"),
        ),
    )
    (tmp_path / "ARCHIVED_DATA").mkdir()
    (tmp_path / "ARCHIVED_DATA" / "ARCHIVE_LOG.csv").write_text(OLD_LOG.format(root=tmp_path))
    return made


def test_the_table_looks_like_the_documentation_page(world: FakeWorld, tmp_path: Path) -> None:
    shown = world.run("table", "archive").stdout
    width = len(str(tmp_path)) - len("/mnt/fuuu")
    expected = PAGE.replace("/mnt/fuuu", str(tmp_path))
    title, rest = expected.split("\n", 1)
    assert shown == title.replace("scexao5_path", "scexao5_path" + " " * width) + "\n" + rest


def test_each_kind_has_its_own_table(world: FakeWorld, tmp_path: Path) -> None:
    _, row = world.run("table", "engineering").stdout.splitlines()
    assert row.split() == [str(tmp_path / "20251106"), "2025-11-06", "False", "False", "False"]
    assert world.run("table", "lunar").exit_code == 2


def test_csv_and_json_show_the_same(world: FakeWorld) -> None:
    lines = world.run("table", "archive", "--csv").stdout.splitlines()
    objects = json.loads(world.run("table", "archive", "--json").stdout)
    assert lines[0].split(",") == list(objects[0])
    assert [line.split(",")[1] for line in lines[1:]] == [one["utc_date"] for one in objects]
    assert objects[0]["processed"] is True
    assert objects[0]["processed_timestamp"] is None
    assert objects[1]["safe_timestamp"] == "2025-11-14T20:15:09"
    assert isinstance(world.fail("table", "archive", "--csv", "--json"), UsageError)


def test_a_night_that_no_log_names_has_its_whole_path(world: FakeWorld, tmp_path: Path) -> None:
    night = NightId("20240611", Kind.ARCHIVE)
    claims = StatusRow(night.folder.as_posix(), night)
    world.adoptions.keep([Adoption(night, OldState.HALF_PROCESSED, claims)], 0.0, "ana")
    row = world.run("table", "archive", "--csv").stdout.splitlines()[1]
    assert row.split(",")[:2] == [str(tmp_path / "ARCHIVED_DATA" / "20240611"), "2024-06-11"]
