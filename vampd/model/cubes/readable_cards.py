"""Cards that every FITS reader accepts, of a raw header as its logger left it.

Loggers copy cards from elsewhere without looking. What the standard does not allow makes a reader
refuse the product, or the table of a whole night. What is changed here costs no text: a value that
is none becomes undefined, a card that cannot stand leaves the header, and HISTORY keeps both, each
with a code of its own. A value that the standard allows keeps its bytes.

Source: FITS standard 4.0, chapter 4 and section 10; fitsverify 4.20 for what readers refuse.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from vampd.model.cubes.cards import CARD_LENGTH, REMEMBERED_CARDS, Cards, render_string

_KEYWORD = re.compile(r"[A-Z0-9_-]{1,8} *")
_COMMENTARY = frozenset({"COMMENT", "HISTORY", ""})
_MAY_REPEAT = _COMMENTARY | {"HIERARCH"}
_ODD = re.compile(r"[^ -~]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[EeDd][+-]?\d+)?")
_STRING = re.compile(r"'(?:[^']|'')*'")
# Not complex numbers, which cfitsio takes for damage.
_VALUE = re.compile(rf" *(?P<value>{_STRING.pattern}|{_NUMBER.pattern}|[TF]|) *(?:/.*)?")
_CONTINUE = re.compile(rf"CONTINUE  +(?P<value>{_STRING.pattern}) *(?:/.*)?")

# What only a table, a group or a tile-compressed image may say of itself; a plain cube that says so
# is mistaken for one, or misread.
_OF_ANOTHER_HDU = re.compile(
    r"XTENSION|PCOUNT|GCOUNT|GROUPS|BLOCKED|TFIELDS|THEAP|END"
    r"|T(?:TYPE|FORM|UNIT|DIM|NULL|SCAL|ZERO|BCOL|DISP|LMIN|LMAX|DMIN|DMAX)\d+"
    r"|Z(?:IMAGE|TABLE|SIMPLE|TENSION|EXTEND|BLOCKED|BITPIX|NAXIS\d*|TILE\d+|TILELEN|CMPTYPE"
    r"|NAME\d+|VAL\d+|MASKCMP|QUANTIZ|DITHER0|SCALE|ZERO|BLANK|PCOUNT|GCOUNT|THEAP|FORM\d+|CTYP\d+"
    r"|HECKSUM|DATASUM)"
)
# Such cards where they say what is so anyway, or sums over other bytes: nothing is lost with them.
_SAYS_NOTHING = re.compile(
    r"(?:PCOUNT  =  *0|GCOUNT  =  *1|(?:GROUPS  |BLOCKED )=  *[TF]) *(?:/.*)?|(?:ZHECK|ZDATA)SUM.*"
)
# Where another card would describe the pixels once more, or other pixels.
_STRUCTURE = re.compile(r"SIMPLE|BITPIX|NAXIS\d*")
_STRUCTURAL = re.compile(rf"{_STRUCTURE.pattern}|EXTEND|BZERO|BSCALE|BLANK")
# Cards that vampd gives values, at sync and with the frame ID.
_OWN = re.compile(r"U_SYNC|U_FLC|DATE-OBS|(?:UT|HST|MJD)(?:-STR|-END)?|FRAMEID|EXP-ID")

# Keywords to which the standard gives a type. A reader that knows them takes no other, and no
# undefined value either.
_OF_TEXT = re.compile(
    r"ORIGIN|TELESCOP|INSTRUME|OBSERVER|OBJECT|AUTHOR|REFERENC|BUNIT|EXTNAME|CREATOR|RADECSYS"
    r"|(?:C(?:TYPE|UNIT|NAME)\d+|PS\d+_\d+|RADESYS|SPECSYS|SSYS(?:OBS|SRC)|WCSNAME)[A-Z]?"
)
_OF_DATES = re.compile(r"DATE(?:-OBS|-BEG|-AVG|-END|REF)?")
_OF_TYPES = (
    (
        re.compile(
            r"(?:MJD|JD)-(?:OBS|BEG|AVG)|EQUINOX|EPOCH|DATAM(?:AX|IN)|RESTFREQ|OBSGEO-[XYZ]|BSCALE"
            r"|BZERO|(?:C(?:RVAL|RPIX|DELT|ROTA|RDER|SYER)\d+|(?:CD|PC|PV)\d+_\d+|L(?:ON|AT)POLE"
            r"|EQUINOX|REST(?:FRQ|WAV)|VEL(?:OSYS|ANGL)|ZSOURCE)[A-Z]?"
        ),
        _NUMBER,
    ),
    (re.compile(r"BLANK|EXTVER|EXTLEVEL|WCSAXES[A-Z]?"), re.compile(r"[+-]?\d+")),
    (re.compile(r"EXTEND|INHERIT"), re.compile(r"[TF]")),
)
_DATE = re.compile(r"'(?:\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d*)?)?|\d\d/\d\d/\d\d) *'")
_MADE = re.compile(r"HISTORY vampd [^:,]+, form ")
_ENTRY = re.compile(r"HISTORY (?P<code>card_[a-z_]+): (?P<words>(?P<keyword>\S+).*)")


@dataclass(frozen=True)
class ReadableCards:
    """The cards, and what HISTORY has to say of those that changed."""

    cards: Cards
    entries: tuple[str, ...]


def make_readable(raw: Cards, own: Iterable[str] = ()) -> ReadableCards:
    """A raw header that every reader accepts.

    Every keyword that vampd sets stands once, as its first card; ``own`` are more of them. Other
    keywords may repeat where their cards differ, and are reported.
    """
    entries: list[str] = []
    texts = _printable(raw.texts, entries)
    structural = 3 + (raw.integer("NAXIS") or 0)
    kept = texts[:structural]
    seen = {text[:8].rstrip() for text in kept}
    records: set[tuple[str, ...]] = set()
    repeated: Counter[str] = Counter()
    once = frozenset(own)
    for record in _records(texts[structural:], entries):
        keyword = record[0][:8].rstrip()
        if keyword in seen or _STRUCTURE.fullmatch(keyword):
            if keyword in once or _OWN.fullmatch(keyword) or record in records:
                continue
            if _STRUCTURAL.fullmatch(keyword):
                entries.append(f"card_dropped: {record[0].rstrip()}")
                continue
            repeated[keyword] += 1
        elif keyword not in _MAY_REPEAT:
            seen.add(keyword)
            records.add(record)
        kept += record
    entries += (f"card_repeated: {one} stands {n + 1} times" for one, n in repeated.items())
    return ReadableCards(Cards(tuple(kept)), tuple(entries))


def reported_cards(product: Cards) -> Iterator[tuple[str, str, str]]:
    """What a product's HISTORY says of changed cards: code, keyword, and the words after it."""
    history = [text for text in product.texts if text.startswith("HISTORY ")]
    made = [n for n, text in enumerate(history) if _MADE.match(text)]
    for text in history[made[-1] :] if made else ():
        if match := _ENTRY.match(text):
            yield match["code"], match["keyword"], match["words"].rstrip()


def without_last_blanks(cards: Cards) -> Cards:
    """The header without the blank cards at its end, which a logger kept free for more."""
    texts = list(cards.texts)
    while texts and not texts[-1].strip():
        texts.pop()
    return Cards(tuple(texts))


def _printable(texts: Sequence[str], entries: list[str]) -> list[str]:
    if not _ODD.search("".join(texts)):
        return list(texts)
    printable = [_printable_card(text) for text in texts]
    for text, new in zip(texts, printable, strict=True):
        if _CONTROL.search(text):
            said = repr(text.rstrip(" "))[1:-1]
            entry = f"card_not_text: {_name(new)} has ? for control characters, was {said}"
            # Once for a block of zeros, which has the same card 36 times.
            entries += [entry] if entry not in entries else []
        elif text != new:
            entries.append(f"card_not_ascii: {_name(new)} has ? for each byte that is not ASCII")
    return printable


def _printable_card(text: str) -> str:
    """The card with ? for each odd character; blank where it had no others."""
    return _ODD.sub("?", text) if _CONTROL.sub("", text).strip(" ") else " " * CARD_LENGTH


def _records(texts: Iterable[str], entries: list[str]) -> Iterator[tuple[str, ...]]:
    """The cards that can stand in the header, each with those that continue its string."""
    record: tuple[str, ...] = ()
    is_open = False
    for text in texts:
        judged = _judge(text)
        if judged.entry:
            entries.append(judged.entry)
        if text.startswith("CONTINUE"):
            if is_open and judged.text:
                record += (text,)
            else:
                entries.append(f"card_dropped: {text.rstrip()}")
            is_open = is_open and judged.is_open
            continue
        if record:
            yield record
        record = (judged.text,) if judged.text else ()
        is_open = judged.is_open
    if record:
        yield record


@dataclass(frozen=True)
class _Judged:
    """A card as it may stand ('' if it may not), what HISTORY says, whether its string goes on."""

    text: str
    entry: str = ""
    is_open: bool = False


@lru_cache(maxsize=REMEMBERED_CARDS)
def _judge(text: str) -> _Judged:
    keyword = text[:8].rstrip()
    if keyword in _COMMENTARY:
        return _Judged(text)
    if keyword == "CONTINUE":
        match = _CONTINUE.fullmatch(text)
        return _Judged(text, is_open=_goes_on(match["value"])) if match else _Judged("")
    upper = text[:8].upper()
    if keyword == "HIERARCH" and "=" in text[9:]:
        begin = text.index("=", 9) + 1
    elif (
        _KEYWORD.fullmatch(upper)
        and text[8:10] == "= "
        and not _OF_ANOTHER_HDU.fullmatch(upper.rstrip())
    ):
        begin = 10
    else:
        said = "" if _SAYS_NOTHING.fullmatch(text) else f"card_dropped: {text.rstrip()}"
        return _Judged("", said)
    return _with_value(upper + text[8:begin], text[begin:])


def _with_value(head: str, field: str) -> _Judged:
    match = _VALUE.fullmatch(field)
    entry = ""
    if match and _is_finite(match["value"]):
        value, comment = match["value"], field[match.end("value") :].partition("/")[2]
    else:
        is_string = field.lstrip().startswith("'")
        said, _, comment = (field, "", "") if is_string else field.partition("/")
        value, entry = "", f"card_not_a_value: {_name(head)} was {said.strip()}"
    # FITS knows exponents in capitals only.
    standing = _as_reserved(head[:8].rstrip(), value if value[:1] == "'" else value.upper())
    if standing is None:
        return _Judged("", entry or f"card_dropped: {(head + field).rstrip()}")
    if standing == value and not entry:
        return _Judged(head + field, is_open=_goes_on(value))
    shown = standing.ljust(20) if standing[:1] == "'" else standing.rjust(20)
    text = head + shown + (f" / {comment.strip()}" if comment.strip() else "")
    return _Judged(text[:CARD_LENGTH].ljust(CARD_LENGTH), entry)


def _as_reserved(keyword: str, value: str) -> str | None:
    """The value as the standard wants it for this keyword; None if it is none for it."""
    if _OF_TEXT.fullmatch(keyword):
        return value if value.startswith("'") else render_string(value)
    if _OF_DATES.fullmatch(keyword):
        return value if _DATE.fullmatch(value) else None
    for keywords, form in _OF_TYPES:
        if keywords.fullmatch(keyword):
            bare = value.strip("' ")
            return bare if form.fullmatch(bare) else None
    return value


def _is_finite(value: str) -> bool:
    """Whether a number is one that a reader can hold; other values are."""
    if not _NUMBER.fullmatch(value):
        return True
    return math.isfinite(float(value.upper().replace("D", "E")))


def _goes_on(value: str) -> bool:
    return value.startswith("'") and value[:-1].rstrip(" ").endswith("&")


def _name(text: str) -> str:
    """What a card is called, in one word."""
    return text.partition("=" if "=" in text else text[8:])[0].strip().replace(" ", ".") or "blank"
