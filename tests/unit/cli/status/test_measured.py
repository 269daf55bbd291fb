"""What `vampctl` says of disks, transfers, frame IDs and mail before anything is known of them."""

from __future__ import annotations

import json

import pytest

from tests.support.tools.terminal import fake_world, shown_on_terminal, without_colors
from vampd.cli.status.disk import describe_forecast
from vampd.cli.status.transfers import attempt_object, show_attempts, transfer_row
from vampd.model.measures import AttemptSum
from vampd.model.nights import Kind, NightId


@pytest.mark.parametrize(
    ("command", "said", "objects"),
    [
        ("disk", "not sampled yet: vampd does so every ten minutes", None),
        ("transfers", "", {"proofs": [], "at_work": [], "last": []}),
        ("ledger", "0 frame IDs: 0 bound, 0 applied, 0 unused", None),
        ("mailings", "nothing was mailed", []),
    ],
)
def test_nothing_is_made_up_where_nothing_is_known(
    monkeypatch: pytest.MonkeyPatch, command: str, said: str, objects: object
) -> None:
    world = fake_world(monkeypatch)
    shown = world.run(command)
    assert shown.exit_code == 0, shown.output
    assert said in shown.stdout
    found = json.loads(world.run(command, "--json").stdout)
    assert objects is None or found == objects
    if command == "disk":
        assert {one["free_bytes"] for one in found["disks"]} == {None}


def test_a_forecast_says_for_how_many_nights_and_by_what() -> None:
    found = {
        "days": 30,
        "usual_bytes": 10**11,
        "worst_bytes": 3 * 10**11,
        "nights_at_least": 21,
        "nights_at_most": 64,
    }
    assert describe_forecast(found) == (
        "room for 21 to 64 nights of observing: 100 GB a day by the median of 30 days,"
        " 300 GB on the worst of the last 5"
    )
    same = describe_forecast(found | {"nights_at_most": 21, "days": 3})
    assert same.startswith("room for 21 nights of observing")
    assert describe_forecast(None) == "not known before it has filled on three days"


def test_a_transfer_says_how_fast_it_went_where_that_is_on_record() -> None:
    night = NightId("20251106", Kind.ARCHIVE)
    one = AttemptSum(night, "transfer", 1, 100.0, 110.0, "advanced", None, 3, None, 5 * 10**8)
    assert transfer_row(attempt_object(one))[4:8] == ("3", "500 MB", "10 s", "50.0 MB/s")
    earlier = one._replace(files=None, bytes=None, code="disk_low", outcome="failed")
    assert transfer_row(attempt_object(earlier))[3:] == (
        "failed", "", "", "10 s", "", "disk_low",
    )  # fmt: skip


@pytest.mark.parametrize("columns", [60, 80, 160])
@pytest.mark.parametrize("outcome", ["advanced", "interrupted"])
def test_no_line_of_transfers_is_wider_than_the_terminal(
    monkeypatch: pytest.MonkeyPatch, columns: int, outcome: str
) -> None:
    night = NightId("20251106", Kind.ENGINEERING)
    one = AttemptSum(night, "transfer", 1, 100.0, 4000.0, outcome, "x", 1234, None, 55_100_000_000)
    lines = shown_on_terminal(monkeypatch, columns, lambda: show_attempts([attempt_object(one)]))
    found = without_colors(lines)
    assert max(map(len, found)) <= columns
    assert ("files" in found[0].split()) == (columns == 160)
    assert "rate" in found[0].split()
