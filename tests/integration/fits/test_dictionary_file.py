import csv
from pathlib import Path

import pytest

from vampd.config import packaged_file
from vampd.config.dictionary import load_dictionary, parse_dictionary
from vampd.errors import ConfigError
from vampd.model.headers import FormKind


def refusal(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse_dictionary(text, "keywords.toml")
    assert caught.value.exit_status == 78
    assert caught.value.message.startswith("keywords.toml")
    return caught.value


def test_the_dictionary_of_the_instrument_has_all_its_keywords():
    entries = load_dictionary(packaged_file("keywords.toml")).entries
    assert len(entries) == 418
    assert (str(entries["EXPTIME"].form), entries["EXPTIME"].unit) == ("%20.8f", "s")
    assert (str(entries["OBJECT"].form), entries["OBJECT"].unit) == ("%-30s", None)
    assert entries["U_SYNC"].form.kind is FormKind.LOGICAL
    assert entries["X_SRCFLX"].form.precision == 1


def test_the_dictionary_of_the_instrument_says_what_the_reference_says(real_telemetry):
    entries = load_dictionary(packaged_file("keywords.toml")).entries
    with (real_telemetry.parent / "keywords.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert [(key, str(entry.form), entry.unit or "-") for key, entry in entries.items()] == [
        (row["keyword"], row["format"], row["unit"]) for row in rows
    ]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('AIRMASS = { form = "%20.3g" }', "AIRMASS: expected a form such as"),
        ('AIRMASS = { form = "%20s" }', "found '%20s'"),
        ('AIRMASS = { form = "" }', "AIRMASS"),
        ("AIRMASS = { form = 20 }", "AIRMASS: the form must be a string, found 20"),
        ('AIRMASS = { unit = "deg" }', "AIRMASS: the form must be a string, found None"),
        ('AIRMASS = { form = "%20.3f", unit = 3 }', "AIRMASS: the unit must be"),
        ('AIRMASS = { form = "%20.3f", unit = "" }', "AIRMASS: the unit must be"),
        ('AIRMASS = { from = "%20.3f" }', "AIRMASS: unknown key from"),
        ('AIRMASS = "%20.3f"', "AIRMASS: expected { form ="),
        ('airmass = { form = "%20.3f" }', "airmass: a keyword has"),
        ('TOOLONGKEY = { form = "%20.3f" }', "TOOLONGKEY: a keyword has"),
        ('"" = { form = "%20.3f" }', "a keyword has"),
    ],
)
def test_what_is_not_understood_is_refused_by_the_keywords_name(line, shown):
    error = refusal(f"[keywords]\n{line}\n")
    assert error.code == "dictionary_invalid"
    assert shown in error.message


def test_all_faults_are_reported_at_once():
    message = refusal('[keywords]\nA = { form = "x" }\nB = 1\nC = { form = "%d" }\n').message
    assert "A: " in message
    assert "B: " in message
    assert "C: " not in message


@pytest.mark.parametrize("text", ["", "keywords = 3", "[keyword]", "[keywords]\n[more]"])
def test_anything_but_one_table_is_refused(text):
    assert refusal(text).code == "dictionary_invalid"


def test_a_keyword_twice_is_refused():
    line = 'A = { form = "%d" }\n'
    assert refusal(f"[keywords]\n{line}{line}").code == "dictionary_not_toml"


@pytest.mark.parametrize("content", [None, b"[keywords]\n# \xff"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content):
    path = tmp_path / "words.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_dictionary(path)
    assert caught.value.code == "dictionary_unreadable"
    assert str(path) in caught.value.message
