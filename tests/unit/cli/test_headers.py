"""vampctl headers: what people and programs are told, and how it ends."""

import json
import os
from pathlib import Path

import pytest

from tests.support.builders.headers import cards
from tests.support.builders.settings import make_settings
from tests.support.tools.terminal import FakeWorld, fake_world
from vampd.errors import UsageError
from vampd.fits.headers import format_header

STRUCTURE = ("SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   = 0")
IN_FORM = "EXPTIME =           0.00020000 / [s] x"
OUT_OF_FORM = "EXPTIME =               0.0002 / [s] x"
HARMED = "AIRMASS = 1E-9"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeWorld:
    world = fake_world(monkeypatch)
    rules = {"required": ["EXPTIME", "OBJECT"]}
    world.settings = make_settings(tmp_path / "fuuu", headers=rules)
    return world


def a_file(path: Path, *texts: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(format_header(cards((*STRUCTURE, *texts))))
    return path


def test_check_shows_each_card_and_what_stays_and_changes_nothing(world, tmp_path):
    path = a_file(tmp_path / "a.fits", OUT_OF_FORM, HARMED)
    before = path.read_bytes()
    result = world.run("headers", "check", str(path))
    assert result.exit_code == 1
    assert result.output == (
        f"{path}: 1 card would change, 2 problems\n"
        f"  - {OUT_OF_FORM}\n"
        f"  + {IN_FORM}\n"
        "  ! card_rounds_to_zero  AIRMASS = 1E-9: would be written as zero by %20.3f;"
        " it stays as it is\n"
        "  ! card_missing  required, and missing or empty: OBJECT\n"
    )
    assert path.read_bytes() == before


def test_check_ends_well_where_nothing_would_change_whatever_stays_out_of_form(world, tmp_path):
    path = a_file(tmp_path / "a.fits", IN_FORM, HARMED, "FRATE   = nan")
    result = world.run("headers", "check", str(path))
    assert result.exit_code == 0
    assert result.output.startswith(f"{path}: in form, 3 problems\n")
    assert "card_not_a_value  FRATE = nan" in result.output


def test_fix_writes_once_and_then_nothing_would_change(world, tmp_path):
    path = a_file(tmp_path / "a.fits", OUT_OF_FORM, "OBJECT  = '007'")
    result = world.run("headers", "fix", str(path))
    assert result.exit_code == 0
    assert result.output.startswith(f"{path}: 2 cards changed\n  - EXPTIME")
    content = path.read_bytes()
    assert IN_FORM.encode() in content
    for words in ("check", "fix"):
        again = world.run("headers", words, str(path))
        assert (again.exit_code, again.output) == (0, f"{path}: in form\n")
    assert path.read_bytes() == content


def test_programs_get_the_whole_contract(world, tmp_path):
    path = a_file(tmp_path / "a.fits", OUT_OF_FORM, HARMED)
    for command, status in (("check", 1), ("fix", 0)):
        result = world.run("headers", command, "--json", str(path), str(tmp_path / "none.fits"))
        assert result.exit_code == 1, status
        found, unreadable = json.loads(result.output)["files"]
        assert found == {
            "path": str(path),
            "error": None,
            "changes": [
                {
                    "hdu": 0,
                    "keyword": "EXPTIME",
                    "old": OUT_OF_FORM.ljust(80),
                    "new": IN_FORM.ljust(80),
                }
            ],
            "problems": [
                {
                    "hdu": 0,
                    "code": "card_rounds_to_zero",
                    "keyword": "AIRMASS",
                    "value": "1E-9",
                    "form": "%20.3f",
                    "message": "AIRMASS = 1E-9: would be written as zero by %20.3f",
                }
            ],
            "missing": ["OBJECT"],
        }
        assert unreadable["error"]["code"] == "unreadable"
        assert unreadable["changes"] == unreadable["problems"] == unreadable["missing"] == []


def test_a_file_that_cannot_be_read_costs_only_itself(world, tmp_path):
    bad = tmp_path / "bad.fits"
    bad.write_text("no FITS")
    good = a_file(tmp_path / "good.fits", OUT_OF_FORM, "OBJECT  = 'x'")
    result = world.run("headers", "fix", str(bad), str(good))
    assert result.exit_code == 1
    assert f"{bad}: not_fits: " in result.output
    assert result.output.endswith("total: 2 files, 1 changed\n")
    assert IN_FORM.encode() in good.read_bytes()
    assert bad.read_text() == "no FITS"


@pytest.mark.parametrize("text", [IN_FORM, OUT_OF_FORM])
@pytest.mark.parametrize("linked", [False, True])
def test_a_raw_file_is_refused_and_then_no_file_is_touched(world, tmp_path, text, linked):
    raw = a_file(tmp_path / "fuuu" / "ARCHIVED_DATA" / "20251106" / "vcam1" / "x.fits", text)
    named = raw
    if linked:
        named = tmp_path / "link.fits"
        named.symlink_to(raw)
    other = a_file(tmp_path / "a.fits", OUT_OF_FORM)
    before = {path: (path.read_bytes(), path.stat().st_ino) for path in (raw, other)}
    error = world.fail("headers", "fix", str(other), str(named))
    assert isinstance(error, UsageError)
    assert (error.code, error.exit_status) == ("raw_is_sacred", 2)
    assert str(raw.parent) in error.message
    assert {path: (path.read_bytes(), path.stat().st_ino) for path in before} == before
    assert os.listdir(raw.parent) == ["x.fits"]
    # Looking is free.
    assert world.run("headers", "check", str(named)).exit_code == (text is OUT_OF_FORM)


def test_a_name_of_any_bytes_is_reported(world, tmp_path):
    path = a_file(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.fits")), OUT_OF_FORM)
    shown = world.run("headers", "check", str(path))
    assert shown.output.startswith(f"{tmp_path}/\\udcff.fits: 1 card")
    reported = json.loads(world.run("headers", "check", "--json", str(path)).output)
    assert reported["files"][0]["path"] == str(path)


def test_a_file_is_asked_for(world):
    assert world.run("headers", "fix").exit_code == 2
    assert world.run("headers", "mend", "a.fits").exit_code == 2
