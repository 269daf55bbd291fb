"""[watch] and [transfer]: where nights are and go, and what cannot be meant."""

from pathlib import Path

import pytest

from vampd.config import parse_settings
from vampd.errors import ConfigError

# As written into the file, and as it stands here where nothing else is said.
PLACES = {
    "watch.root": "/data",
    "watch.ignore_before": "20250101",
    "transfer.archive.destination": "sc6:/archive",
    "transfer.engineering.destination": "/engineering",
    "transfer.pull_from": "scexao5",
}


def text(**changed: str) -> str:
    at = {**PLACES, **{name.replace("__", "."): value for name, value in changed.items()}}
    tables: dict[str, list[str]] = {"database": ['url = "sqlite:////data/vampd.db"']}
    for name, value in at.items():
        table, _, key = name.rpartition(".")
        tables.setdefault(table, []).append(f'{key} = "{value}"')
    return "\n".join(f"[{table}]\n" + "\n".join(lines) for table, lines in tables.items())


def test_places_are_taken_as_they_are_written() -> None:
    settings = parse_settings(text(), "here")
    assert settings.watch.root == Path("/data")
    archive, engineering = settings.transfer.archive, settings.transfer.engineering
    assert (archive.host, archive.path) == ("sc6", Path("/archive"))
    assert (engineering.host, engineering.path) == (None, Path("/engineering"))


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("watch__root", "data", "absolute"),  # it would depend on where vampd is started
        ("watch__ignore_before", "2025", "20250101"),
        ("transfer__archive__destination", "archive", "absolute"),
        ("transfer__archive__destination", "sc6:archive", "absolute"),
        ("transfer__archive__destination", ":/archive", "absolute"),
        ("transfer__engineering__destination", "-oProxyCommand=x:/archive", "absolute"),
        ("transfer__pull_from", "-oProxyCommand=x", "name of a host"),
        ("transfer__pull_from", "sc5:/data", "name of a host"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_key(name: str, value: str, shown: str) -> None:
    with pytest.raises(ConfigError, match=shown) as refusal:
        parse_settings(text(**{name: value}), "here")
    assert name.replace("__", ".") in str(refusal.value)


@pytest.mark.parametrize("value", ["nan", "inf", "1e12"])
@pytest.mark.parametrize(
    "setting",
    ["retry.max_delay_s", "watch.stale_after_s", "purge.proof_within_days"],
)
def test_a_time_that_no_clock_will_show_is_refused(setting: str, value: str) -> None:
    table, _, key = setting.partition(".")
    written = text() + f"\n[{table}]\n{key} = {value}"
    if table == "watch":
        written = text().replace("[watch]", f"[watch]\n{key} = {value}")
    with pytest.raises(ConfigError, match=key):
        parse_settings(written, "here")
