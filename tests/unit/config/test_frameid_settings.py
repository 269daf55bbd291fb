"""[frameids]: what can be chosen, and what is refused."""

from pathlib import Path

import pytest

from tests.support.builders.settings import make_settings
from vampd.config import Authority, load_settings, packaged_file, parse_settings
from vampd.errors import ConfigError
from vampd.model.frame_ids import NumberRange

BASE = """
[watch]
root = "/data"
[database]
url = "sqlite:////data/vampd.db"
[transfer.archive]
destination = "/archive"
[transfer.engineering]
destination = "/engineering"
[frameids]
"""


@pytest.mark.parametrize("authority", list(Authority))
def test_every_authority_can_be_chosen(authority: Authority) -> None:
    text = f'{BASE}authority = "{authority}"\ncommand = ["grant", "--vmp"]\ngen2_hosts = ["g2"]\n'
    chosen = parse_settings(text, "here").frameids
    assert (chosen.authority, chosen.command) == (authority, ("grant", "--vmp"))


@pytest.mark.parametrize(
    ("line", "reported"),
    [
        ('authority = "command"', "needs frameids.command"),
        ('authority = "gen3"', "frameids.authority"),
        ('authority = "gen2"', "needs frameids.gen2_hosts"),
        ('authority = "gen2"\ngen2_hosts = [""]', "needs frameids.gen2_hosts"),
        ('way = "file"', "frameids.way"),
        ('first = "VMPE00000001"', "frameids.first"),
        ('first = "90000001"', "frameids.first"),
        ('gen2_answer = "frames.txt"', "absolute"),
        ("timeout_s = 0", "frameids.timeout_s"),
        ('numbers = "real"', "frameids.numbers"),
        ('comand = ["x"]', "did you mean frameids.command"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_the_name_of_its_key(line: str, reported: str) -> None:
    with pytest.raises(ConfigError, match=reported):
        parse_settings(BASE + line, "here")


def test_the_example_shows_the_values_that_keys_have_without_it() -> None:
    example = packaged_file("vampd.toml")
    table = example.read_text().partition("[frameids]")[2].partition("\n[")[0]
    shown = [line.removeprefix("# ") for line in table.splitlines() if " = " in line]
    keys = "\n".join(line for line in shown if not line.startswith("#"))
    assert parse_settings(BASE + keys, "the example").frameids == make_settings().frameids
    assert load_settings(example).frameids == make_settings().frameids
    assert make_settings().frameids.gen2_answer == Path("/tmp/frames_VMPA.txt")
    assert make_settings().frameids.numbers is NumberRange.RAW
