"""What Prometheus and Grafana are given is of metrics that there are, and alarms when it should."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.web.metric_values import metrics_of
from tests.support.web.served import Served
from tests.support.worlds.records.varied_nights import NOW
from vampd.disk.life_signs import inode_of, leave_sign, own_mark, sign_path
from vampd.model.life_sign import LifeSign

RULES = ROOT / "config" / "prometheus" / "vampd.rules.yml"
DASHBOARD = ROOT / "config" / "grafana" / "vampd.json"


def test_alarms_are_of_metrics_that_there_are(own: Served) -> None:
    expressions = re.findall(r"expr: (.+)", RULES.read_text())
    named = {name for text in expressions for name in re.findall(r"vampd_\w+", text)}
    assert len(named) > 5
    sign = {"vampd_last_sign_timestamp_seconds"}
    assert named - sign <= metrics_of(own).keys()


def all_metrics(served: Served) -> set[str]:
    """Also those that only a vampd that was started has."""
    sign = LifeSign(
        version="1.2.3", process=own_mark(), database=inode_of(served.site.database),
        up_since=NOW - 100, seen_at=NOW - 5, scanned_at=NOW - 7, doing="x",
    )  # fmt: skip
    leave_sign(sign_path(served.site.database), sign)
    return set(metrics_of(served))


def test_every_panel_of_the_dashboard_shows_metrics_that_there_are(own: Served) -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    known, panels = all_metrics(own), dashboard["panels"]
    assert len(panels) > 8
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["title"]
        assert panel["description"]
        for target in panel["targets"]:
            named = set(re.findall(r"vampd_\w+", target["expr"]))
            assert named, panel["title"]
            assert named <= known, panel["title"]
            # The source is the reader's to choose.
            assert target["datasource"]["uid"] == panel["datasource"]["uid"] == "${datasource}"
    assert [one["name"] for one in dashboard["templating"]["list"]] == ["datasource"]
    # No label is asked for that is not there.
    text = own.get("/metrics").text
    for label in ("kind", "stage", "code", "disk", "work"):
        assert f"{{{{{label}}}}}" in DASHBOARD.read_text()
        assert f'{label}="' in text


def test_panels_lie_side_by_side_and_none_over_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        place = panel["gridPos"]
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


# Of each alarm: the series, the moment by which it calls, and one at which it does not yet.
CALLS = {
    "VampdDown": ({"vampd_up": "0x100"}, "6m", "4m"),
    "VampdUntold": ({"up": "0x100"}, "16m", "14m"),
    "VampdStandsStill": (
        {"vampd_up": "1x100", "vampd_last_sign_timestamp_seconds": "0x100"}, "11m", "9m",
    ),
    "NightHeld": ({'vampd_held_nights{kind="archive"}': "2x100"}, "16m", "14m"),
    "ArchiveUnsafe": ({'vampd_unsafe_nights{kind="archive"}': "0 0 1x100"}, "2m", "1m"),
    "NightUnfinished": (
        {'vampd_unfinished_oldest_timestamp_seconds{kind="archive"}': "0x6000"}, "73h", "71h",
    ),
    "NightUnmailed": (
        {'vampd_unmailed_oldest_timestamp_seconds{kind="archive"}': "0x12000"}, "169h", "167h",
    ),
    "DiskLow": (
        {
            'vampd_disk_free_bytes{disk="nights"}': "9x100",
            'vampd_disk_size_bytes{disk="nights"}': "100x100",
        },
        "31m", "29m",
    ),
}  # fmt: skip
# What a site in order says: nothing calls, however long.
IN_ORDER = {
    "vampd_info": "1x20000",
    "vampd_up": "1x20000",
    "vampd_last_sign_timestamp_seconds": "0+60x20000",
    'vampd_held_nights{kind="archive"}': "0x20000",
    'vampd_unsafe_nights{kind="archive"}': "0x20000",
    'vampd_disk_free_bytes{disk="nights"}': "50x20000",
    'vampd_disk_size_bytes{disk="nights"}': "100x20000",
}


def _tests() -> list[dict[str, object]]:
    tests: list[dict[str, object]] = []
    for name, (series, calls_at, silent_at) in CALLS.items():
        firing = f'count(ALERTS{{alertname="{name}",alertstate="firing"}})'
        tests.append(
            _test(
                series,
                {"expr": firing, "eval_time": calls_at,
                 "exp_samples": [{"labels": "{}", "value": 1}]},
                {"expr": firing, "eval_time": silent_at, "exp_samples": []},
            )
        )  # fmt: skip
    any_firing = 'ALERTS{alertstate="firing"}'
    tests.append(_test(IN_ORDER, {"expr": any_firing, "eval_time": "200h", "exp_samples": []}))
    return tests


def _test(series: dict[str, str], *expected: dict[str, object]) -> dict[str, object]:
    given = [{"series": name, "values": values} for name, values in series.items()]
    return {"interval": "1m", "input_series": given, "promql_expr_test": list(expected)}


def test_of_each_alarm_it_is_said_when_it_calls() -> None:
    assert set(re.findall(r"alert: (\w+)", RULES.read_text())) == set(CALLS)


def _promtool(*words: object, given: str = "") -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    done = subprocess.run(
        ["promtool", *map(str, words)], input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.soak
def test_promtool_finds_rules_metrics_and_panels_in_order(own: Served, tmp_path: Path) -> None:
    _promtool("check", "rules", RULES)
    _promtool("check", "metrics", given=own.get("/metrics").text)
    asked = [
        target["expr"]
        for panel in json.loads(DASHBOARD.read_text())["panels"]
        for target in panel["targets"]
    ]
    rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(asked)]
    panels = tmp_path / "panels.json"
    panels.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    _promtool("check", "rules", panels)


@pytest.mark.soak
def test_each_alarm_calls_when_it_should_and_not_before(tmp_path: Path) -> None:
    tests = tmp_path / "tests.json"
    tests.write_text(
        json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": _tests()})
    )
    _promtool("test", "rules", tests)
