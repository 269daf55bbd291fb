"""The table of headers of a night: what it lists, and that nothing but vampd's own travels."""

from __future__ import annotations

import csv
import resource
from pathlib import Path

import pytest
from astropy.io import fits

from tests.support.builders.smallest_night import (
    add_late_cubes,
    make_smallest,
    make_without_timing,
)
from tests.support.daemon.site import make_site
from tests.support.examples import others_in_soak
from tests.support.worlds.archive.safe_night import SafeNight, products_of
from tests.support.worlds.proof.beginning import DATE
from tests.support.worlds.proof.in_process import InProcess
from vampd.model.headers import table_name
from vampd.model.nights import Kind, NightId, NightRecord, Status
from vampd.model.proofs import parse_sums, text_digest

TABLE = table_name(DATE)


def record(night: SafeNight) -> NightRecord:
    return InProcess(night.site).records()[night.night]


def assert_listed_and_sent(night: SafeNight) -> None:
    """Every product is listed, and the archive's table is this one."""
    text = (night.folder / TABLE).read_text()
    rows = list(csv.DictReader(text.splitlines()))
    products = products_of(night)
    assert [row["path"].rpartition("/")[2] for row in rows] == [p.name for p in products]
    for row, product in zip(rows, products, strict=True):
        header = fits.getheader(product, 1)
        assert row["FRAMEID"] == header["FRAMEID"].strip() == product.name.partition(".")[0]
        assert (row["U_SYNC"], float(row["MJD"])) == (str(header["U_SYNC"]), header["MJD"])
    assert (night.site.copy(night.night) / TABLE).read_text() == text
    assert parse_sums((night.folder / "SHA256SUMS").read_text())[TABLE] == text_digest(text)
    assert (record(night).state.status, record(night).note_code or "") == (Status.DONE, "")
    assert record(night).safe_at is not None


def test_the_table_is_noticed_when_changed_written_again_and_replaced_by_late_products(
    safe: SafeNight,
) -> None:
    own, path = InProcess(safe.site), safe.folder / TABLE
    assert_listed_and_sent(safe)
    path.write_text(path.read_text().replace("True", "False"))
    own.advance()
    assert (record(safe).note_code, TABLE in (record(safe).note or "")) == ("damaged_here", True)
    audited = own.command("audit", DATE)
    assert (audited.status, TABLE in audited.text) == (1, True)
    own.command("retry", DATE, "--from", "transfer")
    own.advance()
    assert_listed_and_sent(safe)
    # Its paths are those of the archive.
    text = path.read_text()
    home = safe.site.copy(safe.night)
    assert all(line.startswith(f"{home}/vgen2/") for line in text.splitlines()[1:])
    assert own.command("headers", "table", DATE).text == text
    add_late_cubes(safe.site.root)
    own.advance()
    assert len(path.read_text().splitlines()) > len(text.splitlines())
    assert_listed_and_sent(safe)


@pytest.mark.parametrize(
    ("is_gone", "is_there"),
    others_in_soak([(False, False), (True, True), (True, False), (False, True)]),
)
def test_a_lost_table_is_recovered_as_it_was(
    safe: SafeNight, *, is_gone: bool, is_there: bool
) -> None:
    own, path = InProcess(safe.site), safe.folder / TABLE
    # With the paths of this site, not of the one that it was copied from.
    path.unlink()
    own.command("retry", DATE, "--from", "transfer")
    own.advance()
    safe = SafeNight.of(safe.site, safe.night)
    path.write_text(path.read_text().replace("True", "False"))
    if is_gone:
        path.unlink()
    if not is_there:
        (safe.copy / TABLE).write_text("damaged there too")
    products_of(safe)[0].unlink()
    done = own.command("recover", DATE)
    way = "from the archive copy" if is_there else "made again from the products"
    assert (done.status, f"{TABLE}: {way}" in done.text) == (0, True), done.text
    assert "nothing is damaged" in own.command("recover", DATE, TABLE).text
    own.command("retry", DATE, "--from", "transfer")
    own.advance()
    safe.assert_as_it_was()


def test_a_table_that_the_products_do_not_give_is_left_to_transfer(safe: SafeNight) -> None:
    own, path = InProcess(safe.site), safe.folder / TABLE
    # Its paths are those of the site that this one was copied from.
    path.unlink()
    (safe.copy / TABLE).unlink()
    done = own.command("recover", DATE)
    assert (done.status, f"{TABLE}: NOT recovered" in done.text) == (1, True)
    assert "retry 20251106 --from transfer" in done.text
    assert (path.exists(), record(safe).state.status) == (False, Status.DONE)


def test_an_engineering_night_has_its_table_too_which_late_products_replace(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    own, kind = InProcess(site), Kind.ENGINEERING
    night, _ = make_smallest(site.root, kind=kind)
    for expected in (5, 9):
        if expected == 9:
            add_late_cubes(site.root, kind=kind)
        own.advance()
        text = (site.folder(night) / TABLE).read_text()
        products = sorted(path.name for path in site.folder(night).glob("vgen2/*.fits.fz"))
        assert len(products) == expected
        listed = [row["path"].rpartition("/")[2] for row in csv.DictReader(text.splitlines())]
        assert sorted(listed) == products
        assert (site.copy(night) / TABLE).read_text() == text
        for place in (site.folder(night), site.copy(night)):
            sums = parse_sums((place / "SHA256SUMS").read_text())
            assert sums[TABLE] == text_digest(text)


def test_a_table_of_many_nights_names_those_that_it_lacks(safe: SafeNight) -> None:
    own, other = InProcess(safe.site), NightId("20251107", Kind.ARCHIVE)
    make_without_timing(safe.site.root, safe.site.base, other.date)
    own.advance()
    whole = own.command("headers", "table", DATE)
    both = own.command("headers", "table", DATE, other.date)
    assert (both.status, both.text.startswith(whole.text)) == (0, True)
    assert both.text.removeprefix(whole.text) == (
        "vampctl: 20251107 archive has no packed products here\n"
    )
    # One that is on record and not here leaves a table that lacks its row.
    first, *others = products_of(safe)
    first.unlink()
    lacking = own.command("headers", "table", DATE, other.date)
    assert (lacking.status, f"without a row: vgen2/{first.name}" in lacking.text) == (1, True)
    assert all(f"/{path.name}," in lacking.text for path in others)


@pytest.mark.parametrize("name", ["t.csv", "t.sqlite"])
def test_a_table_is_written_into_new_files_only(safe: SafeNight, name: str) -> None:
    own, out = InProcess(safe.site), safe.site.base / name
    assert own.command("headers", "table", DATE, "-o", str(out)).status == 0
    content = out.read_bytes()
    assert own.command("headers", "table", DATE, "-o", str(out)).status == 2
    assert own.command("headers", "table", DATE, "-o", f"{out}.xlsx").status == 2
    assert out.read_bytes() == content
    # And a restore removes the night's own with the products.
    assert own.command("restore", DATE, "--yes").status == 0
    assert not (safe.folder / TABLE).exists()


@pytest.mark.parametrize("name", ["t.csv", "t.vot", "t.sqlite"])
def test_a_table_has_its_name_only_when_it_is_whole(safe: SafeNight, name: str) -> None:
    own, out = InProcess(safe.site), safe.site.base / "tables" / name
    out.parent.mkdir()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, limits[1]))
    try:
        assert own.command("headers", "table", DATE, "-o", str(out)).status == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(out.parent.iterdir()) == []
    assert own.command("headers", "table", DATE, "-o", str(out)).status == 0
