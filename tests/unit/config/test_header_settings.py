"""[headers]: what is refused, and that the example tells the truth."""

import tomllib

import pytest

from tests.support.builders.settings import make_settings
from vampd.config import Headers, WhenMissing, packaged_file, parse_settings
from vampd.errors import ConfigError

NEEDED = """
[watch]
root = "/mnt/fuuu"
[database]
url = "sqlite:////var/lib/vampd/vampd.db"
[transfer.archive]
destination = "/archive"
[transfer.engineering]
destination = "/engineering"
[headers]
"""


@pytest.mark.parametrize(
    "line",
    [
        'required = ["exptime"]',
        'required = [""]',
        'required = ["TOOLONGKEY"]',
        'required = ["A B"]',
        'required = "EXPTIME"',
        "required = [1]",
        'when_missing = "stop"',
        "when_missing = true",
    ],
)
def test_what_is_not_understood_is_refused_by_its_key(line):
    with pytest.raises(ConfigError) as caught:
        parse_settings(NEEDED + line, "test")
    assert f"headers.{line.split()[0]}" in caught.value.message


def test_nothing_has_to_be_required():
    assert parse_settings(f"{NEEDED}required = []", "test").headers.required == ()


def test_a_missing_card_is_reported_and_holds_no_night_unless_that_is_asked_for():
    assert make_settings().headers.when_missing is WhenMissing.WARN
    assert make_settings(headers={"when_missing": "hold"}).headers.when_missing is WhenMissing.HOLD


def test_the_commented_example_shows_the_defaults():
    text = packaged_file("vampd.toml").read_text()
    block = text.partition("\n[headers]\n")[2].partition("\n[")[0]
    shown = tomllib.loads(
        "\n".join(
            line.removeprefix("#") for line in block.splitlines() if "default: " not in line
        ).replace("\n ", "\n")
    )
    assert shown == {
        "required": list(Headers().required),
        "when_missing": "warn",
        "may_correct": list(Headers().may_correct),
    }
    assert "\n# dictionary = " in text


@pytest.mark.parametrize(
    "keyword", ["EXPTIME", "MJD-STR", "U_FLC", "FRAMEID", "NAXIS3", "DATE-OBS"]
)
def test_no_one_may_open_what_is_measured_or_set_by_vampd_to_corrections(keyword):
    with pytest.raises(ValueError, match="no one corrects it"):
        Headers(may_correct=("OBJECT", keyword))
