"""The example configuration shows every default, as it says of itself."""

import re

import pytest

from vampd.config import Settings, packaged_file, parse_settings

# Shown by example: they have no default, or one that a line of TOML cannot be.
_EXAMPLES = frozenset(
    {
        "watch.stale_after_s",  # follows another key
        "crew.scheduler",
        "crew.ca_file",
        "crew.certificate",
        "crew.key",
        "headers.dictionary",
        "transfer.pull_from",
        "transfer.archive.moved_to",
        "manifest.prefix",
        "mail.template",
        "mail.host",
        "mail.ca_file",
        "mail.credentials",
        "mail.morning_zone",
        "heartbeat.url",
        "heartbeat.url_file",
        "heartbeat.ca_file",
    }
)
_TABLE = re.compile(r"\[(.+?)\]")
_KEY = re.compile(r"# (\w+) = ")


def _shown() -> dict[str, str]:
    """The example's commented keys, by full name, each as the lines of TOML that it would be."""
    shown: dict[str, str] = {}
    table, name = "", ""
    for line in packaged_file("vampd.toml").read_text().splitlines():
        if found := _TABLE.match(line):
            table = found[1]
        if found := _KEY.match(line):
            name = f"{table}.{found[1]}"
            shown[name] = line[2:]
        elif name and shown[name].count("[") > shown[name].count("]"):
            shown[name] += f"\n{line[1:]}"
    return shown


@pytest.mark.parametrize("name", sorted(_shown().keys() - _EXAMPLES))
def test_a_key_that_is_left_out_has_the_value_that_the_example_shows(name: str) -> None:
    text = packaged_file("vampd.toml").read_text()
    table, _, _ = name.rpartition(".")
    with_it = text.replace(f"\n[{table}]", f"\n[{table}]\n{_shown()[name]}\n#", 1)
    assert parse_settings(with_it, "here") == parse_settings(text, "there")


def test_an_incomplete_cube_is_waited_for_as_long_as_the_example_shows() -> None:
    settings = parse_settings(packaged_file("vampd.toml").read_text(), "the example")
    assert f"stale_after_s = {settings.watch.stale_s:g}" == _shown()["watch.stale_after_s"][:20]


def test_what_the_example_sets_as_it_is_by_default_may_be_left_out() -> None:
    text = packaged_file("vampd.toml").read_text()
    for line in (
        "quiet_after_s = 1800",
        'archive_not_before = "20:00"',
        "hold_when_unexpected = true",
        'authority = "none"',
        'first = "VMPA90000001"',
    ):
        assert f"\n{line} " in text
        shorter = text.replace(f"\n{line} ", "\n#")
        assert parse_settings(shorter, "here") == parse_settings(text, "there"), line


def test_a_table_that_is_left_out_is_an_empty_one() -> None:
    """The defaults of the tables are made without validation, and must be what it would make."""
    # Of [[notify]] there may be many, and each says what it runs.
    named = {"watch", "database", "transfer", "notify"}
    text = "".join(
        f"[{table}]\n{keys}\n"
        for table, keys in (
            ("watch", 'root = "/"'),
            ("database", 'url = "sqlite:////x.db"'),
            ("transfer.archive", 'destination = "/a"'),
            ("transfer.engineering", 'destination = "/b"'),
        )
    )
    empty = "".join(f"[{table}]\n" for table in Settings.model_fields if table not in named)
    assert parse_settings(text + empty, "here") == parse_settings(text, "there")
