"""`vampctl config` says whether a file is good, and where each value comes from."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.support.tools.terminal import shown_on_terminal, without_colors
from vampd.cli import program
from vampd.config.packaged import packaged_file
from vampd.errors import ConfigError


def run(*words: str | Path) -> Result:
    texts = [str(word) for word in words]
    return CliRunner().invoke(program.app_for(texts), texts)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.toml"
    text = packaged_file("vampd.toml").read_text().replace("/mnt/fuuu", str(tmp_path))
    path.write_text(text.replace("/var/lib/vampd", str(tmp_path / "state")))
    return path


def test_a_good_file_is_said_to_be_one_however_it_is_named(good: Path) -> None:
    for words in (("config", "check", good), ("config", "check", "--config", good)):
        assert run(*words).stdout == f"{good} is valid\n"
    assert run("--config", good, "config", "check").stdout == f"{good} is valid\n"


def test_a_bad_file_is_an_error_of_configuration_that_names_the_key(good: Path) -> None:
    good.write_text(good.read_text().replace("ignore_before", "ignore_bevore"))
    error = run("config", "check", good).exception
    assert isinstance(error, ConfigError)
    assert error.exit_status == 78
    assert "ignore_bevore, did you mean watch.ignore_before?" in error.message


def test_every_key_is_shown_with_its_value_and_where_that_comes_from(good: Path) -> None:
    told = json.loads(run("config", "show", "--json", "--config", good).stdout)
    values = {one["key"]: (one["from"], one["value"]) for one in told}
    assert values["watch.ignore_before"] == ("file", "20250101")
    assert values["watch.scan_every_s"] == ("default", 30)
    assert values["transfer.archive.mount_point"] == ("file", "/mnt/tier1")
    assert values["schedule.archive_not_before"] == ("file", "20:00:00")
    assert values["retry.attempts"] == ("default", 12)
    assert values["frameids.gen2_hosts"] == ("default", [])
    assert not any(one["in_file_only"] for one in told)
    table = run("config", "show", "--config", good).stdout.splitlines()
    assert table[0] == f"# {good}"
    assert table[1].split() == ["key", "from", "value"]
    assert len(table) == len(values) + 2


def test_a_setting_is_a_line_of_a_narrow_terminal_unless_it_is_long(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = json.loads(run("config", "show", "--json", "--config", good).stdout)
    words = ["config", "show", "--config", str(good)]
    command = partial(program.app_for(words), words, standalone_mode=False)
    lines = without_colors(shown_on_terminal(monkeypatch, 80, command))
    assert max(map(len, lines)) <= 80
    for one in told:
        value = json.dumps(one["value"])
        (line,) = [each for each in lines if each.split()[0] == one["key"]]
        assert len(value) > 36 or line.endswith(f" {value}")


def test_without_a_file_the_demos_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAMPD_CONFIG", raising=False)
    monkeypatch.setattr("vampd.config.place.MACHINE_CONFIG", tmp_path / "none")
    monkeypatch.setenv("VAMPD_DEMO", str(tmp_path / "demo"))
    told = json.loads(run("config", "show", "--json").stdout)
    assert {one["from"] for one in told} == {"demo", "default"}
