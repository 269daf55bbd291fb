"""Cards that every FITS reader accepts, of a raw header as its logger left it.

Loggers copy cards from elsewhere without looking. What the standard does not allow makes a reader
refuse the product, or the table of a whole night. What is changed here costs no text: a value that
is none becomes undefined, a card that cannot stand leaves the header, and HISTORY keeps both, each
with a code of its own. A value that the standard allows keeps its bytes. One module, however long:
what readers refuse stands nowhere else.

Source: FITS standard 4.0, chapter 4 and section 10; fitsverify 4.20 for what readers refuse.
"""

from __future__ import annotations

import math
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import cached_property, lru_cache

from vampd.model.cubes.cards import (
    CARD_LENGTH,
    REMEMBERED_CARDS,
    Card,
    Cards,
    Number,
    render_card,
    render_string,
)

# funpack drops a card whose keyword begins with a hyphen.
_KEYWORD = re.compile(r"(?!-)[A-Z0-9_-]{1,8} *")
# What cfitsio takes for a pattern (?, *) or a quotation is no name, nor what a reader takes for the
# name of the compressed image, or its sums.
_LONG_NAME = re.compile(
    r"(?!-|HIERARCH|(?:EXTNAME|CHECKSUM|DATASUM)$)[A-Z0-9_.-]+(?: +[A-Z0-9_.-]+)*"
)
_COMMENTARY = frozenset({"COMMENT", "HISTORY", ""})
# What a reader takes for something else behind HIERARCH, too.
_NO_NAMES = _COMMENTARY | {"CONTINUE", "HIERARCH"}
_ODD = re.compile(r"[^ -~]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[EeDd][+-]?\d+)?")
_STRING = re.compile(r"'(?:[^']|'')*'")
# Not complex numbers, which cfitsio takes for damage.
_VALUE = re.compile(rf" *(?P<value>{_STRING.pattern}|{_NUMBER.pattern}|[TF]|) *(?:/.*)?")
_CONTINUE = re.compile(rf"CONTINUE  +(?P<value>{_STRING.pattern}) *(?:/.*)?")

# What only a table, a group or a tile-compressed image may say of itself; a plain cube that says so
# is mistaken for one, or misread. Of names with numbers, fitsverify looks at the beginning.
_OF_ANOTHER_HDU = re.compile(
    r"XTENSION|PCOUNT|GCOUNT|GROUPS|BLOCKED|TFIELDS|THEAP|END|NAXIS.+|T[LD]M(?:IN|AX)\d+"
    r"|(?:T(?:TYPE|FORM|UNIT|DIM|NULL|SCAL|ZERO|BCOL|DISP|C(?:TYP|UNI|RVL|RPX|DLT|ROT))"
    r"|P(?:TYPE|SCAL|ZERO))\d\S*"
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

# Keywords to which the standard gives a type, or fitsverify, for which all that begin with DATE are
# dates. A reader that knows them takes no other, and no undefined value either.
_OF_TEXT = re.compile(
    r"ORIGIN|TELESCOP|INSTRUME|OBSERVER|OBJECT|AUTHOR|REFERENC|BUNIT|EXTNAME|CREATOR|RADECSYS"
    r"|(?:C(?:TYPE|UNIT|NAME)|PS)\d\S*|(?:RADESYS|SPECSYS|SSYS(?:OBS|SRC))\S?|WCSNAME[A-Z]?"
)
_OF_DATES = re.compile(r"DATE.*")
_OF_TYPES = (
    (
        re.compile(
            r"(?:MJD|JD)-(?:OBS|BEG|AVG)|EQUINOX|EPOCH|DATAM(?:AX|IN)|RESTFREQ|OBSGEO-[XYZ]|BSCALE"
            r"|BZERO|EQUINOX[A-Z]?|(?:C(?:RVAL|RPIX|DELT|ROTA|RDER|SYER)|PV)\d\S*|(?:CD|PC)\d+_\S*"
            r"|(?:L(?:ON|AT)POLE|REST(?:FRQ|WAV)|VEL(?:OSYS|ANGL)|ZSOURCE)\S?"
        ),
        _NUMBER,
    ),
    (re.compile(r"BLANK|EXTVER|EXTLEVEL|WCSAXES\S?"), re.compile(r"[+-]?0*\d{1,9}")),
    (re.compile(r"EXTEND|INHERIT"), re.compile(r"[TF]")),
)
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d*)?"
_DATE = re.compile(
    rf"'(?:(?P<day>\d{{4}}-\d\d-\d\d)(?:T{_CLOCK})?"
    rf"|(?P<d>\d\d)/(?P<m>\d\d)/(?P<y>\d\d)|{_CLOCK}) *'",
    re.ASCII,
)
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
    keywords may repeat where their cards differ, and are reported: with values of one type, by
    which a reader asks for each of them, and gets the first.
    """
    structural = 3 + (raw.integer("NAXIS") or 0)
    untouched = _untouched(raw.texts, structural)
    if untouched is not None:
        return ReadableCards(Cards(untouched), ())
    entries: list[str] = []
    texts = _printable(raw.texts, entries)
    structure = [_in_fixed_form(text, entries) for text in texts[:structural]]
    seen = {text[:8].rstrip() for text in structure}
    records: list[_Record] = []
    first: dict[str, int] = {}
    repeated: Counter[str] = Counter()
    once = frozenset(own)
    for record in _records(texts[structural:], entries):
        name = record.name
        before = records[first[name]] if name in first else None
        is_own = name in once or _OWN.fullmatch(name) is not None
        if name in _COMMENTARY:
            records.append(record)
        elif record.is_alias and (is_own or _STRUCTURAL.fullmatch(name)):
            entries += _dropped(record)
        elif before and (is_own or before.texts == record.texts):
            continue
        elif name in seen or _STRUCTURE.fullmatch(name) or (before and _STRUCTURAL.fullmatch(name)):
            entries += _dropped(record)
        elif before is None:
            first[name] = len(records)
            records.append(record)
        elif before.kind is record.kind is not _Kind.UNDEFINED:
            repeated[_shown(name)] += 1
            records.append(record)
        elif before.kind is _Kind.UNDEFINED:
            entries += _dropped(before)
            records[first[name]] = record
        else:
            entries += _dropped(record)
    entries += (f"card_repeated: {one} stands {n + 1} times" for one, n in repeated.items())
    kept = (text for record in records for text in record.texts)
    return ReadableCards(Cards((*structure, *kept)), tuple(entries))


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


def _in_fixed_form(text: str, entries: list[str]) -> str:
    """A card of the structure as the standard has it, to which a product conforms.

    funpack and fitsverify take no 16. for BITPIX, and no number that ends before column 30.
    """
    card = Card(text)
    if card.value is False:
        entries.append(f"card_dropped: {text.rstrip()}")
    field = str(int(float(card.value))) if isinstance(card.value, Number) else "T"
    fixed = render_card(card.keyword, field, card.comment).text
    return text if text.startswith(fixed[:31]) else fixed


def _untouched(texts: Sequence[str], structural: int) -> tuple[str, ...] | None:
    """The cards of a header in which each may stand and no keyword repeats; None of any other.

    Nearly all headers are so, and of most of their cards that is remembered.
    """
    structure = [_of_structure(text) for text in texts[:structural]]
    alone = [_judge(text).alone for text in texts[structural:]]
    if None in structure or None in alone:
        return None
    names = [text[:8].rstrip() for text in filter(None, structure)]
    names += [name for name, _ in filter(None, alone) if name not in _COMMENTARY]
    if len(set(names)) < len(names):
        return None
    return (*filter(None, structure), *(text for _, text in filter(None, alone)))


@lru_cache(maxsize=REMEMBERED_CARDS)
def _of_structure(text: str) -> str | None:
    """A card of the structure in its fixed form, unless HISTORY has something to say of it."""
    if _ODD.search(text):
        return None
    entries: list[str] = []
    fixed = _in_fixed_form(text, entries)
    return None if entries else fixed


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


def _dropped(record: _Record) -> Iterator[str]:
    return (f"card_dropped: {text.rstrip()}" for text in (record.was, *record.texts[1:]))


class _Kind(StrEnum):
    """What a reader asks a value for."""

    TEXT = "text"
    LOGICAL = "logical"
    NUMBER = "number"
    UNDEFINED = "undefined"


@dataclass(frozen=True)
class _Record:
    """A card with those that continue its string, as they may stand; ``was`` is its own raw text.

    ``name`` is what readers know it by; an ``is_alias`` has it behind HIERARCH or in small letters,
    where vampd itself does not look.
    """

    texts: tuple[str, ...]
    was: str
    name: str
    kind: _Kind
    is_alias: bool = False


@dataclass(frozen=True)
class _Judged:
    """A card as it may stand, or None, what HISTORY says, and whether its string goes on."""

    record: _Record | None
    entries: tuple[str, ...] = ()
    is_open: bool = False

    @cached_property
    def alone(self) -> tuple[str, str] | None:
        """Name and text of a card of which only a card of the same name can make another."""
        record = self.record
        if record is None or self.entries or record.is_alias:
            return None
        if _STRUCTURE.fullmatch(record.name) or _ODD.search(record.was):
            return None
        return record.name, record.texts[0]


def _records(texts: Iterable[str], entries: list[str]) -> Iterator[_Record]:
    """The cards that can stand in the header, each with those that continue its string."""
    record: _Record | None = None
    is_open = False
    for text in texts:
        if text.startswith("CONTINUE"):
            match = _CONTINUE.fullmatch(text)
            if is_open and match and record:
                record = replace(record, texts=(*record.texts, text))
            else:
                entries.append(f"card_dropped: {text.rstrip()}")
            is_open = is_open and match is not None and _goes_on(match["value"])
            continue
        if record:
            yield record
        judged = _judge(text)
        entries += judged.entries
        record, is_open = judged.record, judged.is_open
    if record:
        yield record


@lru_cache(maxsize=REMEMBERED_CARDS)
def _judge(text: str) -> _Judged:
    keyword = text[:8].rstrip()
    if keyword in _COMMENTARY:
        return _Judged(_Record((text,), text, keyword, _Kind.TEXT))
    upper = text[:8].upper()
    if keyword == "HIERARCH":
        begin = text.find("=", 9) + 1
        name = text[9 : begin - 1].upper().strip() if begin else ""
        may_stand = text[8] == " " and _LONG_NAME.fullmatch(name) is not None
        head = f"HIERARCH{text[8:begin].upper()}"
    else:
        begin, name = 10, upper.rstrip()
        may_stand = text[8:10] == "= " and _KEYWORD.fullmatch(upper) is not None
        head = upper + text[8:begin]
    if not may_stand or name in _NO_NAMES or _OF_ANOTHER_HDU.fullmatch(name):
        return _Judged(None, () if _SAYS_NOTHING.fullmatch(text) else _only_in_history(text))
    return _with_value(text, begin, head, name)


def _with_value(was: str, begin: int, head: str, name: str) -> _Judged:
    field = was[begin:]
    match = _VALUE.fullmatch(field)
    entries: tuple[str, ...] = ()
    if match and _is_representable(match["value"]):
        value, comment = match["value"], field[match.end("value") :].partition("/")[2]
    else:
        is_string = field.lstrip().startswith("'")
        said, _, comment = (field, "", "") if is_string else field.partition("/")
        value, entries = "", (f"card_not_a_value: {_shown(name)} was {said.strip()}",)
    # FITS knows exponents in capitals only.
    standing = _as_reserved(name, value if value[:1] == "'" else value.upper())
    if standing is None:
        return _Judged(None, entries or _only_in_history(was))
    text = head + field
    if head.endswith("=") and value[:1] == "'":
        # Anywhere else, fitsio takes a text that begins with a digit for a number.
        text = f"{head} {field.strip()}"[:CARD_LENGTH].ljust(CARD_LENGTH)
    if entries or standing.upper() != value.upper():
        text = _card(head, standing, comment.strip())
    elif standing != value:
        text = head + field.replace(value, standing, 1)
    if head.endswith("=") and not _shows_type(text, standing):
        said = f"card_comment: {_shown(name)} had {comment.strip() or 'none'}"
        entries = (*entries, said)
        for instead in (comment.strip().replace("=", ":"), "= 'text'"):
            field = f"{standing} / {instead}".lstrip()
            text = f"{head} {field}"[:CARD_LENGTH].ljust(CARD_LENGTH)
            if _shows_type(text, standing):
                break
        else:
            return _Judged(None, _only_in_history(was))
    record = _Record((text,), was, name, _kind_of(standing), was[:8].rstrip() != name)
    return _Judged(record, entries, is_open=_goes_on(standing))


def _only_in_history(text: str) -> tuple[str, ...]:
    return (f"card_dropped: {text.rstrip()}",)


def _shows_type(text: str, value: str) -> bool:
    """Whether fitsio takes the value behind HIERARCH for a text where it is one, and only there.

    It looks for a quote behind the last = of the card, which may be one of the text or comment. A
    text that it takes for a number stops it for the whole header.
    """
    last = text.rfind("=", 0, CARD_LENGTH - 2)
    return (text[last + 2] == "'") == (value[:1] == "'")


def _card(head: str, value: str, comment: str) -> str:
    aligned = value.ljust(20) if value[:1] == "'" else value.rjust(20)
    shown = f" / {comment}" if comment else ""
    # A long name leaves no room for blanks in front.
    text = head + (aligned if len(head + aligned + shown) <= CARD_LENGTH else value) + shown
    return text[:CARD_LENGTH].ljust(CARD_LENGTH)


def _kind_of(value: str) -> _Kind:
    if not value:
        return _Kind.UNDEFINED
    if value in ("T", "F"):
        return _Kind.LOGICAL
    return _Kind.TEXT if value[0] == "'" else _Kind.NUMBER


def _as_reserved(keyword: str, value: str) -> str | None:
    """The value as the standard wants it for this keyword; None if it is none for it."""
    if _OF_TEXT.fullmatch(keyword):
        return value if value.startswith("'") else render_string(value)
    if _OF_DATES.fullmatch(keyword):
        return value if _is_date(value) else None
    for keywords, form in _OF_TYPES:
        if keywords.fullmatch(keyword):
            bare = value.strip("' ")
            return bare if form.fullmatch(bare) else None
    return value


def _is_date(value: str) -> bool:
    """Whether it is a day of the calendar or a time of the clock, or both."""
    match = _DATE.fullmatch(value)
    try:
        if match and (match["day"] or match["d"]):
            date.fromisoformat(match["day"] or "19{y}-{m}-{d}".format(**match.groupdict()))
    except ValueError:
        return False
    return match is not None


def _is_representable(value: str) -> bool:
    """Whether a number is one that a reader can hold in full; other values are.

    cfitsio refuses numbers so near to zero that they lose digits.
    """
    if not _NUMBER.fullmatch(value):
        return True
    number = float(value.upper().replace("D", "E"))
    is_zero = not re.search(r"[1-9]", re.split("[EeDd]", value)[0])
    return is_zero or sys.float_info.min <= abs(number) < math.inf


def _goes_on(value: str) -> bool:
    return value.startswith("'") and value[:-1].rstrip(" ").endswith("&")


def _name(text: str) -> str:
    """What a card is called, in one word."""
    return _shown(text.partition("=" if "=" in text else text[8:])[0].strip()) or "blank"


def _shown(name: str) -> str:
    return name.replace(" ", ".")
