"""A corrections.tsv that is gone comes back as sync decided with it; another one stays."""

from pathlib import Path

import pytest

from tests.support.builders.smallest_night import add_late_cubes, make_smallest
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, copy_site, make_site
from tests.support.daemon.state import record_of
from tests.support.worlds.proof.in_process import InProcess
from vampd.model.headers import CORRECTIONS, Correction, format_corrections
from vampd.model.nights import Kind, NightId, Status

DATE = "20251106"
NIGHT = NightId(DATE, Kind.ARCHIVE)


def corrected(value: str) -> str:
    span = "2025-11-06T05:00:00..2025-11-06T05:01:00"
    return format_corrections([Correction(span, "OBJECT", "HD 34700", value, "a typo")])


@pytest.fixture(scope="module")
def safe_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = make_site(tmp_path_factory.mktemp("corrected") / "site")
    make_smallest(made.root)
    (made.folder(NIGHT) / CORRECTIONS).write_text(corrected("HD 2"))
    (made.folder(NIGHT) / CORRECTIONS).chmod(0o644)
    settle_here(made)
    assert record_of(made, NIGHT).safe_at is not None
    return made


@pytest.fixture
def site(safe_site: Site, tmp_path: Path) -> Site:
    return copy_site(safe_site, tmp_path / "own")


def test_it_comes_back_from_the_archive_copy_before_what_raw_decides_with_it(site: Site) -> None:
    own, path = InProcess(site), site.folder(NIGHT) / CORRECTIONS
    generation = site.folder(NIGHT) / "vgen2" / "generation_0001.json"
    whole = path.read_bytes(), generation.read_bytes()
    path.unlink()
    own.advance()
    noted = record_of(site, NIGHT).note or ""
    assert ("is gone" in noted, f"`vampctl recover {DATE}`" in noted) == (True, True), noted
    generation.unlink()
    (site.copy(NIGHT) / "vgen2" / generation.name).unlink()
    answer = own.command("recover", DATE)
    assert (answer.status, f"{CORRECTIONS}: from the archive copy" in answer.text) == (0, True)
    assert (path.read_bytes(), generation.read_bytes()) == whole
    assert path.stat().st_mode & 0o777 == 0o644
    own.advance()
    assert not record_of(site, NIGHT).note


@pytest.mark.soak
def test_late_data_go_on_once_it_is_back(site: Site) -> None:
    own, path = InProcess(site), site.folder(NIGHT) / CORRECTIONS
    path.unlink()
    add_late_cubes(site.root)
    own.advance()
    held = record_of(site, NIGHT)
    assert (held.state.status, held.code) == (Status.HELD, "corrections_changed")
    assert f"`vampctl recover {DATE}` gets it back, then `vampctl retry {DATE}`" in str(held.error)
    assert own.command("recover", DATE).status == 0
    assert own.command("retry", DATE).status == 0
    own.advance()
    assert (record_of(site, NIGHT).state.status, record_of(site, NIGHT).code) == (Status.DONE, None)


def test_a_restore_says_beforehand_that_it_would_go_by_other_corrections(site: Site) -> None:
    own, path = InProcess(site), site.folder(NIGHT) / CORRECTIONS
    whole = path.read_text()
    for text, said in (
        (whole, ""),
        (corrected("HD 3"), f"{CORRECTIONS} is not what sync decided with"),
        (None, f"if it is gone, `vampctl recover {DATE}` gets it back"),
    ):
        path.unlink() if text is None else path.write_text(text)
        asked = own.command("restore", DATE, "--dry-run")
        assert (asked.status, CORRECTIONS in asked.text) == (0, bool(said))
        shown = " ".join(asked.text.split())
        assert said in shown
        # What was sent stays where it is.
        assert f"sent 5 products, 392 kB, read at {site.base}/archive" in shown
        assert "they stay there until what is made again is sent" in shown


def test_another_one_in_its_place_is_never_replaced(site: Site) -> None:
    own, path = InProcess(site), site.folder(NIGHT) / CORRECTIONS
    path.write_text(corrected("HD 3"))
    assert own.command("recover", DATE).status == 0
    answer = own.command("recover", DATE, CORRECTIONS)
    assert (answer.status, "it is left as it is" in answer.text) == (1, True), answer.text
    assert path.read_text() == corrected("HD 3")


def test_nothing_but_what_sync_decided_with_comes_back(site: Site) -> None:
    own, path = InProcess(site), site.folder(NIGHT) / CORRECTIONS
    path.unlink()
    copy = site.copy(NIGHT) / CORRECTIONS
    copy.write_text(corrected("HD 3"))
    answer = own.command("recover", DATE)
    assert (answer.status, "not what sync decided with" in answer.text) == (1, True), answer.text
    assert not path.exists()
    assert "NOT safe" in answer.text
    # A person's copy serves, and then it is sent again.
    path.write_text(corrected("HD 2"))
    path.chmod(0o644)
    assert own.command("retry", DATE, "--from", "transfer").status == 0
    own.advance()
    assert record_of(site, NIGHT).safe_at is not None
    assert copy.read_bytes() == path.read_bytes()


def test_what_stands_for_a_lost_generation_was_decided_with_what_the_others_were(
    site: Site,
) -> None:
    own, path = InProcess(site), site.folder(NIGHT) / CORRECTIONS
    add_late_cubes(site.root)
    own.advance()
    whole = path.read_bytes()
    for folder in (site.folder(NIGHT), site.copy(NIGHT)):
        (folder / CORRECTIONS).unlink()
        (folder / "vgen2" / "generation_0002.json").unlink()
    assert own.command("recover", DATE, "--from-products").status == 1  # the file itself is lost
    assert (site.folder(NIGHT) / "vgen2" / "generation_0003.json").exists()
    # A person finds it.
    path.write_bytes(whole)
    path.chmod(0o644)
    assert own.command("retry", DATE, "--from", "sync").status == 0
    own.advance()
    record = record_of(site, NIGHT)
    assert (record.state.status, record.safe_at is None) == (Status.DONE, False), record.error
