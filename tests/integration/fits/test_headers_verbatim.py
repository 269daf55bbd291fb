"""Headers are read and written byte for byte, through a framelist too."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import REAL_TELEMETRY
from tests.support.builders.framelists import card_texts, framelist_of
from tests.support.builders.raw_cubes import UNDEFINED_CARD, raw_cards, write_raw_cube
from vampd.errors import MalformedCube
from vampd.fits.headers import format_header, read_cards
from vampd.model.cubes import Cards, format_framelist, parse_framelist

_SIMPLE = "SIMPLE  =                    T".ljust(80)


def _loggers_headers(folder: Path) -> list[Cards]:
    """The real headers where they are; elsewhere one of their length with all kinds of cards."""
    if folder.is_dir():
        files = sorted(folder.rglob("*.header"))
        return [Cards(tuple(path.read_text("latin-1").splitlines())) for path in files]
    cards = raw_cards((5000, 160, 160)).appended([UNDEFINED_CARD])
    filling = tuple(f"COMMENT {n}".ljust(80) for n in range(415 - len(cards)))
    return [Cards((*cards.texts, *filling))]


def test_the_loggers_cards_survive_file_and_framelist_byte_for_byte(tmp_path: Path) -> None:
    headers = _loggers_headers(REAL_TELEMETRY)
    assert headers
    for cards in headers:
        assert len(cards) == 415
        path = tmp_path / "cube.fits"
        path.write_bytes(format_header(cards) + b"pixels")
        read, offset = read_cards(path)
        assert read == cards
        assert path.read_bytes()[offset:] == b"pixels"

        framelist = framelist_of([write_raw_cube(tmp_path)], cards=read)
        again = parse_framelist(format_framelist(framelist))
        assert again.cards == framelist.cards
        changed = [a for a, b in zip(again.cards.texts, cards.texts, strict=True) if a != b]
        assert [text[:8] for text in changed] == ["NAXIS3  "]


@given(st.lists(card_texts.filter(lambda text: text.rstrip() != "END"), max_size=80))
def test_any_cards_come_back_from_their_header(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.fits"
    cards = Cards((_SIMPLE, *texts))
    header = format_header(cards)
    path.write_bytes(header)
    assert read_cards(path) == (cards, len(header))
    assert len(header) % 2880 == 0


@pytest.mark.parametrize("blocks", [0, 1, 16, 17])
def test_a_header_without_an_end_is_told_from_one_that_is_cut(tmp_path: Path, blocks: int) -> None:
    path = tmp_path / "cut.fits"
    path.write_bytes((_SIMPLE * 36 * blocks + _SIMPLE).encode())
    with pytest.raises(MalformedCube) as caught:
        read_cards(path)
    assert caught.value.code == "fits_truncated"

    path.write_bytes((_SIMPLE * 36 * 1030).encode())
    with pytest.raises(MalformedCube) as caught:
        read_cards(path)
    assert caught.value.code == "header_malformed"


@pytest.mark.parametrize("control", ["\n", "\0", "\x7f", "\t"])
def test_a_control_character_in_a_product_is_refused(tmp_path: Path, control: str) -> None:
    path = tmp_path / "odd.fits"
    path.write_bytes(format_header([_SIMPLE, f"COMMENT a{control}b".ljust(80)]))
    with pytest.raises(MalformedCube) as caught:
        read_cards(path)
    assert caught.value.code == "header_malformed"


@pytest.mark.parametrize("content", [b"", b"SIMPL", b"\x89PNG", b"# timing\n" * 1000])
def test_what_does_not_begin_like_fits_is_not_fits(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "picture.fits"
    path.write_bytes(content)
    with pytest.raises(MalformedCube) as caught:
        read_cards(path)
    assert caught.value.code == "not_fits"


def test_a_pipe_a_folder_and_a_dangling_link_are_unreadable_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("pipe", "folder", "link", "missing"):
        with pytest.raises(MalformedCube) as caught:
            read_cards(tmp_path / name)
        assert caught.value.code == "unreadable"
