"""FITS headers as raw cards: read and written byte for byte, never re-rendered.

Source of the format: FITS standard 4.0, sections 3.3.1 (primary header) and 4.1.2 (cards).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from vampd.disk.reading import open_raw, open_unlinked
from vampd.disk.refusal import Cause, PathAccess, classify, translate_refusal
from vampd.errors import DataError, MalformedCube, VampdError
from vampd.model.cubes import CARD_LENGTH, Cards

BLOCK_BYTES = 2880
_END = "END".ljust(CARD_LENGTH)
_FIRST_KEYWORDS = ("SIMPLE  =", "XTENSION=")
# A raw header of 400 cards has 12 blocks: one read fetches it.
_BLOCKS_A_READ = 16
_MOST_BLOCKS = 1024
# Bytes above are text of another encoding, a control character is damage.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def padded(length: int) -> int:
    """A length rounded up to whole FITS blocks."""
    return -(-length // BLOCK_BYTES) * BLOCK_BYTES


def open_regular_file(path: Path, opening: Callable[[Path, int], int] = os.open) -> int:
    """A descriptor for reading; MalformedCube ``unreadable`` if it is no regular file.

    ``opening`` is `open_unlinked` where no link is followed: a file that a person names may be one.

    TransientError or NotPermitted if weather or a permission keeps us from it, here and in all that
    reads headers: that is no property of the file.
    """
    try:
        # So as not to wait for the other end of a named pipe.
        file_fd = opening(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise _refused(error, path) from error
    return _require_regular(file_fd, path)


def open_raw_file(night_folder: Path, path: str) -> int:
    """As `open_regular_file`, of a raw file; MalformedCube ``link`` for one that leads out."""
    file = night_folder / path
    try:
        file_fd = open_raw(night_folder, path)
    except DataError as error:
        raise _leads_out(file) from error
    except OSError as error:
        raise _refused(error, file) from error
    try:
        return _require_regular(file_fd, file)
    except MalformedCube as error:
        raise _leads_out(file) if file.is_symlink() else error from None


def _leads_out(link: Path) -> MalformedCube:
    return MalformedCube(
        "link", f"{link.name} is a link that leads to no file of this night; it is not followed"
    )


def _require_regular(file_fd: int, path: Path) -> int:
    try:
        is_regular = stat.S_ISREG(os.fstat(file_fd).st_mode)
    except OSError as error:
        os.close(file_fd)
        raise _refused(error, path) from error
    if not is_regular:
        os.close(file_fd)
        raise _unreadable(path, "it is no regular file")
    return file_fd


def read_cards(path: Path) -> tuple[Cards, int]:
    """The primary header's cards without END, and the offset of the data after it.

    Raises MalformedCube with code ``unreadable``, ``not_fits``, ``fits_truncated`` (the file ends
    within its header) or ``header_malformed`` (control characters, no END card).
    """
    file_fd = open_regular_file(path)
    try:
        cards, offset = read_cards_at(file_fd, 0, path)
    finally:
        os.close(file_fd)
    refuse_control(cards, path)
    return cards, offset


def read_cards_at(file_fd: int, offset: int, path: Path) -> tuple[Cards, int]:
    """The cards of the header that begins at ``offset``, and the offset of its data.

    ``path`` is for the messages. Raises as `read_cards`, but takes control characters, which raw
    cubes may hold.
    """
    texts: list[str] = []
    position = offset
    while position - offset < _MOST_BLOCKS * BLOCK_BYTES:
        try:
            content = os.pread(file_fd, _BLOCKS_A_READ * BLOCK_BYTES, position)
        except OSError as error:
            raise _refused(error, path) from error
        blocks = content.decode("latin-1")
        if position == offset and not blocks.startswith(_FIRST_KEYWORDS):
            raise MalformedCube(
                "not_fits",
                f"{path.name} is no FITS file: expected SIMPLE first, found {blocks[:9]!r}",
            )
        whole = len(blocks) // BLOCK_BYTES * BLOCK_BYTES
        found = [blocks[start : start + CARD_LENGTH] for start in range(0, whole, CARD_LENGTH)]
        if _END in found:
            cards = found.index(_END)
            texts += found[:cards]
            return Cards(tuple(texts)), position + padded((cards + 1) * CARD_LENGTH)
        texts += found
        position += whole
        if whole < _BLOCKS_A_READ * BLOCK_BYTES:
            raise MalformedCube(
                "fits_truncated",
                f"{path.name} ends within its header: no END card in the"
                f" {len(texts)} cards that are there",
            )
    raise MalformedCube(
        "header_malformed",
        f"{path.name} has no END card in its first {_MOST_BLOCKS} blocks of {BLOCK_BYTES} bytes",
    )


def format_header(cards: Cards | Iterable[str]) -> bytes:
    """The header's bytes: the cards, END, and blanks to whole blocks."""
    texts = cards.texts if isinstance(cards, Cards) else cards
    header = "".join((*texts, _END))
    return header.ljust(padded(len(header))).encode("latin-1")


def refuse_control(cards: Cards, path: Path) -> None:
    """MalformedCube ``header_malformed`` if a card holds control characters."""
    for number, text in enumerate(cards.texts, start=1):
        if _CONTROL.search(text):
            raise MalformedCube(
                "header_malformed",
                f"card {number} of {path.name} holds control characters: {text[:40]!r}",
            )


def _refused(error: OSError, path: Path) -> VampdError:
    if classify(error) is Cause.PROPERTY:
        return _unreadable(path, error.strerror or str(error))
    return translate_refusal(error, path, PathAccess.READ)


def _unreadable(path: Path, why: str) -> MalformedCube:
    return MalformedCube("unreadable", f"cannot read {path.name}: {why}")


def read_product_cards(file: Path) -> Cards:
    """The cards of a plain cube, or of the image in a packed one; as `open_regular_file`.

    No link is followed.
    """
    file_fd = open_regular_file(file, open_unlinked)
    try:
        cards, end = read_cards_at(file_fd, 0, file)
        if file.name.endswith(".fz"):
            # The primary HDU is empty, so the table's header begins where its data would.
            cards, _ = read_cards_at(file_fd, end, file)
        return cards
    finally:
        os.close(file_fd)
