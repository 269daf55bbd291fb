"""Cards of finished files are edited, and nothing else of the files is."""

import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders.framelists import card_texts
from tests.support.builders.headers import instrument_dictionary
from tests.support.builders.raw_cubes import raw_pixels
from vampd.errors import DataError, MalformedCube
from vampd.fits.headers import format_header, plain_cards, read_headers, replace_cards, sum_bytes
from vampd.fits.headers.card_edits import edit_header
from vampd.model.cubes import Cards
from vampd.model.headers import format_cards

DICTIONARY = instrument_dictionary()
SUMMED = 0xFFFFFFFF


def in_form(cards: Cards) -> Mapping[str, str]:
    return {old.text: new.text for old, new in format_cards(cards, DICTIONARY).edits}


def a_file(path: Path, *, checksum: bool = True) -> Path:
    """Three HDUs with cards out of form in each, and something behind them that is none."""
    primary = fits.PrimaryHDU(raw_pixels(3))
    image = fits.ImageHDU(np.arange(5, dtype=np.float32), name="WEIGHT")
    table = fits.BinTableHDU.from_columns(
        [fits.Column("X", "PJ()", array=np.array([[1, 2], [3]], object))]
    )
    for number, hdu in enumerate((primary, image, table)):
        hdu.header["OBJECT"] = ("1E0657", f"of HDU {number}")
        hdu.header["EXPTIME"] = (0.0002, "[s] x")
        hdu.header["FRATE"] = 1e-9
    fits.HDUList([primary, image, table]).writeto(path, checksum=checksum)
    return path


def changed_bytes(before: bytes, after: bytes) -> np.ndarray:
    assert len(before) == len(after)
    return np.flatnonzero(np.frombuffer(before, np.uint8) != np.frombuffer(after, np.uint8))


def headers_end(path: Path) -> list[range]:
    with fits.open(path) as hdus:
        infos = [hdu.fileinfo() for hdu in hdus]
    return [range(info["hdrLoc"], info["datLoc"]) for info in infos]


def checksums_agree(path: Path) -> bool:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with fits.open(path, checksum=True) as hdus:
            for hdu in hdus:
                hdu.data  # noqa: B018 - looked at when it is read
                assert hdu.header["CHECKSUM"]
    return not [one for one in caught if "verification failed" in str(one.message)]


def test_every_header_is_edited_and_no_other_byte(tmp_path: Path) -> None:
    path = a_file(tmp_path / "a.fits")
    before = path.read_bytes()
    shown = replace_cards(path, in_form)
    after = path.read_bytes()
    assert [header.hdu for header in shown] == [0, 1, 2]
    places = headers_end(path)
    assert all(any(int(at) in place for place in places) for at in changed_bytes(before, after))
    assert checksums_agree(path)
    with fits.open(path) as hdus:
        for number, hdu in enumerate(hdus):
            assert hdu.header["OBJECT"] == "1E0657"
            assert hdu.header.comments["OBJECT"] == f"of HDU {number}"
            assert str(hdu.header.cards["EXPTIME"]).startswith("EXPTIME =           0.00020000 / ")
            assert hdu.header["FRATE"] == 1e-9


def test_doing_it_twice_leaves_the_very_file(tmp_path: Path) -> None:
    path = a_file(tmp_path / "a.fits")
    replace_cards(path, in_form)
    first, content = path.stat(), path.read_bytes()
    replace_cards(path, in_form)
    second = path.stat()
    assert (second.st_ino, second.st_mtime_ns) == (first.st_ino, first.st_mtime_ns)
    assert path.read_bytes() == content


def test_a_file_without_checksums_gets_none(tmp_path: Path) -> None:
    path = a_file(tmp_path / "a.fits", checksum=False)
    replace_cards(path, in_form)
    assert b"CHECKSUM" not in path.read_bytes()


def test_what_follows_the_last_hdu_stays(tmp_path: Path) -> None:
    path = a_file(tmp_path / "a.fits")
    with path.open("ab") as file:
        file.write(b"EXPTIME = 1" * 500)
    replace_cards(path, in_form)
    assert path.read_bytes().endswith(b"EXPTIME = 1" * 500)


@pytest.mark.parametrize("where", [-1, 4000])
def test_damage_is_never_certified(tmp_path: Path, where: int) -> None:
    path = a_file(tmp_path / "a.fits")
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(content)
    assert not checksums_agree(path)
    replace_cards(path, in_form)
    assert path.read_bytes() != bytes(content)
    assert not checksums_agree(path)


def test_mode_stays_and_no_other_name_of_the_file_is_changed(tmp_path: Path) -> None:
    path = a_file(tmp_path / "a.fits")
    os.link(path, tmp_path / "other.fits")
    (tmp_path / "link.fits").symlink_to("a.fits")
    path.chmod(0o640)
    before = path.read_bytes()
    replace_cards(tmp_path / "link.fits", in_form)
    assert path.stat().st_mode & 0o7777 == 0o640
    assert path.read_bytes() != before
    assert (tmp_path / "other.fits").read_bytes() == before
    assert (tmp_path / "link.fits").is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["a.fits", "link.fits", "other.fits"]


def refused(path: Path, choose: Callable[[Cards], Mapping[str, str]] = in_form) -> str:
    before = path.read_bytes()
    with pytest.raises(DataError) as caught:
        replace_cards(path, choose)
    assert os.listdir(path.parent) == [path.name]
    if caught.value.code != "changed_while_read":
        assert path.read_bytes() == before
    return caught.value.code


def test_a_write_protected_file_stays_as_it_is(tmp_path: Path) -> None:
    path = a_file(tmp_path / "a.fits")
    path.chmod(0o444)
    assert refused(path) == "read_only"


def test_a_file_that_somebody_writes_to_is_not_replaced(tmp_path: Path) -> None:
    path = a_file(tmp_path / "a.fits")

    def append(cards: Cards) -> Mapping[str, str]:
        with path.open("ab") as file:
            file.write(b"more")
        return in_form(cards)

    assert refused(path, append) == "changed_while_read"
    assert path.read_bytes().endswith(b"more")


def test_a_file_that_is_cut_short_is_left_alone(tmp_path: Path) -> None:
    path = a_file(tmp_path / "a.fits")
    last = headers_end(path)[-1]
    for length in (last.stop + 3, last.stop - 100, 3000, 100):
        os.truncate(path, length)
        assert refused(path) == "fits_truncated"
    os.truncate(path, 0)
    assert refused(path) == "not_fits"


@pytest.mark.parametrize(
    "card",
    [
        "NAXIS   = 1000000",
        "NAXIS   = 'two'",
        "NAXIS1  = -5",
        "NAXIS2  =",
        "PCOUNT  = 1.5",
        "GCOUNT  = T",
    ],
)
def test_lengths_that_cannot_be_are_refused(tmp_path: Path, card: str) -> None:
    texts = ["SIMPLE  = T", "BITPIX  = 16", "NAXIS   = 2", "NAXIS1  = 2", "NAXIS2  = 2"]
    texts = [text for text in texts if text[:8] != card[:8]] + [card, "EXPTIME = 1"]
    path = tmp_path / "a.fits"
    path.write_bytes(format_header(text.ljust(80) for text in texts) + bytes(2880))
    assert refused(path) == "header_malformed"
    with pytest.raises(MalformedCube):
        read_headers(path)


def test_random_groups_are_measured_as_the_standard_says(tmp_path: Path) -> None:
    # 500 groups of 3 parameters and 4 pixels of 2 bytes: 7,000 bytes, then an image extension.
    groups = ["SIMPLE  = T", "BITPIX  = 16", "NAXIS   = 2", "NAXIS1  = 0", "NAXIS2  = 4"]
    groups += ["GROUPS  = T", "PCOUNT  = 3", "GCOUNT  = 500"]
    image = ["XTENSION= 'IMAGE   '", "BITPIX  = 8", "NAXIS   = 0", "PCOUNT  = 0", "GCOUNT  = 1"]
    path = tmp_path / "a.fits"
    content = format_header(text.ljust(80) for text in groups) + bytes(3 * 2880)
    path.write_bytes(content + format_header(text.ljust(80) for text in image))
    assert [header.offset for header in read_headers(path)] == [0, 4 * 2880]


def test_an_image_without_columns_has_no_data(tmp_path: Path) -> None:
    empty = ["SIMPLE  = T", "BITPIX  = 16", "NAXIS   = 2", "NAXIS1  = 0", "NAXIS2  = 4000"]
    image = ["XTENSION= 'IMAGE   '", "BITPIX  = 8", "NAXIS   = 0", "PCOUNT  = 0", "GCOUNT  = 1"]
    path = tmp_path / "a.fits"
    path.write_bytes(
        b"".join(format_header(text.ljust(80) for text in texts) for texts in (empty, image))
    )
    assert [header.offset for header in read_headers(path)] == [0, 2880]


@given(st.lists(card_texts, max_size=10), st.integers(0, SUMMED), st.data())
def test_a_sum_that_agreed_agrees_after_any_edit(
    texts: list[str], data_sum: int, data: st.DataObject
) -> None:
    cards = plain_cards(Cards(tuple(texts)), data_sum)
    assert (sum_bytes(format_header(cards)) + data_sum) % SUMMED == 0
    chosen = data.draw(st.dictionaries(st.sampled_from([*texts, "none".ljust(80)]), card_texts))
    after = edit_header(cards, chosen)
    assert len(after) == len(cards)
    assert (sum_bytes(format_header(after)) + data_sum) % SUMMED == 0
    kept = Cards(tuple(text for text in after.texts if text[:8] not in ("CHECKSUM", "DATASUM ")))
    assert kept.texts == tuple(
        chosen.get(text, text)
        for text in cards.texts
        if chosen.get(text, text)[:8] not in ("CHECKSUM", "DATASUM ")
    )
    assert edit_header(after, {}) == after


@pytest.mark.parametrize("field", ["", "''", "'short'", "12"])
def test_a_checksum_that_claims_nothing_is_left(field: str) -> None:
    cards = Cards(tuple(t.ljust(80) for t in (f"CHECKSUM= {field}", "EXPTIME = 1")))
    after = edit_header(cards, {cards.texts[1]: "EXPTIME = 2".ljust(80)})
    assert after.texts[0] == cards.texts[0]
