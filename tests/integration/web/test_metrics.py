"""Metrics count what `vampctl status` lists, and have no label that grows with the nights."""

import re
import stat
from collections import Counter
from pathlib import Path

import pytest

from tests.support.web.metric_values import metrics_of
from tests.support.web.served import Served
from tests.support.worlds.records.varied_nights import HELD, MAILED, NOW, opened
from vampd.disk.life_signs import inode_of, leave_sign, own_mark, sign_path
from vampd.errors import UsageError
from vampd.model.life_sign import LifeSign
from vampd.model.nights import Event, EventName
from vampd.store.nights import Nights
from vampd.web import extra


def by_kind(kind: str) -> tuple[tuple[str, str], ...]:
    return (("kind", kind),)


def test_nights_are_counted_as_status_lists_them(served: Served) -> None:
    found = metrics_of(served)
    nights = [one for one in served.status() if one["status"] != "legacy"]
    counts = Counter((one["kind"], one["stage"], one["status"]) for one in nights)
    assert found["vampd_nights"] == {
        (("kind", kind), ("stage", stage), ("status", status)): count
        for (kind, stage, status), count in counts.items()
    }
    for name in ("held", "unsafe", "unmailed", "problem"):
        option = "--problems" if name == "problem" else f"--{name}"
        listed = Counter(one["kind"] for one in served.status(option))
        for kind in ("archive", "engineering"):
            assert found[f"vampd_{name}_nights"][by_kind(kind)] == listed[kind], name
    done = [one for one in nights if one["processed_at"]]
    for kind in ("archive", "engineering"):
        frames = sum(one["frames"] for one in done if one["kind"] == kind)
        assert found["vampd_processed_frames"][by_kind(kind)] == frames
        size = sum(one["bytes"] for one in done if one["kind"] == kind)
        assert found["vampd_processed_bytes"][by_kind(kind)] == size


def test_no_label_grows_with_the_nights(served: Served, own: Served) -> None:
    many, few = served.get("/metrics").text, own.get("/metrics").text
    assert not re.search(r"\{[^}]*20\d{6}", many)
    names = {line.partition("{")[0] for line in few.splitlines()}
    assert {line.partition("{")[0] for line in many.splitlines()} - names == set()
    assert len(many.splitlines()) - len(few.splitlines()) < 10


def test_attempts_that_ended_badly_are_counted_once_each(own: Served) -> None:
    held = (("code", "sync_unexpected"), ("event", "held"), ("stage", "sync"))
    name = "vampd_attempts_ended_badly"
    assert metrics_of(own)[name][held] == 1
    assert metrics_of(own)[name][held] == 1
    with opened(own.site.database) as store:
        nights = Nights(store)
        for at in (1.0, 2.0):
            nights.apply(HELD, Event(EventName.RELEASED), at=at, actor="x")
            nights.apply(HELD, Event(EventName.HELD), at=at, actor="x", code="sync_unexpected")
        nights.apply(HELD, Event(EventName.RELEASED), at=3.0, actor="x")
        nights.apply(HELD, Event(EventName.HELD), at=3.0, actor="x", code="/mnt/fuuu/20251106")
    found = metrics_of(own)[name]
    assert found[held] == 3
    assert found[(("code", "other"), ("event", "held"), ("stage", "sync"))] == 1


def test_the_oldest_tells_since_when(own: Served) -> None:
    (held,) = own.status("--held")
    oldest = metrics_of(own)["vampd_held_oldest_timestamp_seconds"]
    assert oldest[by_kind("archive")] == pytest.approx(NOW - 7 * 3600)
    assert by_kind("engineering") not in oldest
    assert held["date"] == HELD.date


def test_whether_vampd_runs_is_told_at_once(own: Served) -> None:
    assert metrics_of(own)["vampd_up"] == {(): 0}
    sign = LifeSign(
        version="1.2.3", process=own_mark(), database=inode_of(own.site.database),
        up_since=NOW - 100, seen_at=NOW - 5, scanned_at=NOW - 7, is_paused=True, doing="x",
    )  # fmt: skip
    leave_sign(sign_path(own.site.database), sign)
    found = metrics_of(own)
    assert found["vampd_up"] == found["vampd_paused"] == {(): 1}
    assert found["vampd_last_scan_timestamp_seconds"] == {(): NOW - 7}


def test_a_text_file_holds_what_the_page_answers(served: Served, tmp_path: Path) -> None:
    path = tmp_path / "vampd.prom"
    path.write_text("old")
    served.vampctl("metrics", "--textfile", str(path))
    answer = served.get("/metrics")
    assert path.read_bytes() == answer.body
    assert stat.S_IMODE(path.stat().st_mode) & 0o444 == 0o444
    assert served.vampctl("metrics") == answer.text
    assert [one.name for one in tmp_path.iterdir()] == ["vampd.prom"]


def test_metrics_are_also_told_of_a_database_with_a_row_that_is_none(own: Served) -> None:
    with opened(own.site.database) as store, store.write() as connection:
        connection.exec_driver_sql(f"UPDATE nights SET attempts = 'x' WHERE date = '{MAILED.date}'")
    found = metrics_of(own)
    assert found["vampd_held_nights"][by_kind("archive")] == 1
    assert sum(found["vampd_nights"].values()) == len(own.status()) - 2
    assert found["vampd_attempts_ended_badly"]


def test_the_last_samples_are_told(own: Served) -> None:
    found = metrics_of(own)
    assert found["vampd_disk_size_bytes"][(("disk", "nights"),)] == 1.2e13
    assert found["vampd_disk_free_bytes"][(("disk", "database"),)] == 4e10
    assert found["vampd_work_bytes_per_second"][(("work", "packing"),)] == pytest.approx(
        3 * found["vampd_work_bytes_per_second"][(("work", "sending"),)]
    )
    with opened(own.site.database) as store, store.write() as connection:
        connection.exec_driver_sql("DELETE FROM samples")
    without = metrics_of(own)
    assert "vampd_sample_timestamp_seconds" not in without
    assert without["vampd_disk_free_bytes"] == {}


def test_without_the_extra_it_is_said_what_to_install(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda name: None if name == "uvicorn" else name)
    for program in ("vampctl metrics", "vampd-web"):
        with pytest.raises(UsageError, match=r"uvicorn is not installed.*vampd\[web\]") as error:
            extra.refuse_without_extra(program)
        assert error.value.code == "web_missing"
