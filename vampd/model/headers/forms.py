"""Forms: how the value of a card is written.

A form is written as for printf (``%20.8f``, ``%16d``, ``%-12s``, ``%-16.16s``) or is ``BOOLEAN``. A
card gets its form only if its value comes through unharmed; if not, the card stays byte for byte
and a `Problem` says why. What is already in its form is not re-rendered, so applying a form twice
equals applying it once.

Numbers are rounded as exact decimals, half to even, from the text of the card: a binary double in
between would round 2.675 to 2.67.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from enum import StrEnum
from functools import lru_cache

from vampd.model.cubes import (
    CARD_LENGTH,
    REMEMBERED_CARDS,
    Card,
    Nonsense,
    Number,
    Undefined,
    Value,
    render_string,
)

_FORM = re.compile(
    r"%(?P<width>\d{0,2})(?:\.(?P<decimals>\d{1,2}))?(?P<real>f)"
    r"|%(?P<digits>\d{0,2})(?P<integer>d)"
    r"|%-(?P<pad>\d{1,2})(?:\.(?P<most>\d{1,2}))?(?P<string>s)"
    r"|(?P<logical>BOOLEAN)"
)
_DEFAULT_DECIMALS = 6  # as printf
_FIELD_WIDTH = 20  # fixed format: numbers and logicals end in column 30
_LONGEST_FIELD = CARD_LENGTH - 10
# Enough for every digit that a card can hold and every decimal that a form can require.
_EXACT = Context(prec=4 * CARD_LENGTH, rounding=ROUND_HALF_EVEN)

# Cards whose form the FITS standard gives: structure, scaling, checksums, and the structure of
# tiled compression. Not just any Z: the zenith distance ZD is an ordinary card.
_STANDARD = re.compile(
    r"SIMPLE|XTENSION|BITPIX|NAXIS\d*|EXTEND|BLOCKED|GROUPS|PCOUNT|GCOUNT|TFIELDS|THEAP|END"
    r"|T(?:TYPE|FORM|UNIT|DIM|NULL|SCAL|ZERO|BCOL|DISP)\d+|BSCALE|BZERO|BLANK|CHECKSUM|DATASUM"
    r"|Z(?:IMAGE|TABLE|SIMPLE|TENSION|EXTEND|BLOCKED|BITPIX|NAXIS\d*|TILE\d+|TILELEN|CMPTYPE"
    r"|NAME\d+|VAL\d+|MASKCMP|QUANTIZ|DITHER0|SCALE|ZERO|BLANK|PCOUNT|GCOUNT|THEAP|FORM\d+|CTYP\d+"
    r"|HECKSUM|DATASUM)"
)
_UNIT = re.compile(r"\[[^\]]*\]")
_WHOLE_STRING = re.compile(r" *'(?:[^']|'')*' *(?:/.*)?")


class FormKind(StrEnum):
    """What a form is for."""

    REAL = "f"
    INTEGER = "d"
    STRING = "s"
    LOGICAL = "BOOLEAN"


@dataclass(frozen=True)
class Form:
    """How a value is written.

    ``precision`` is the number of decimals of a real form, the greatest length that a string form
    allows (None: any), and None otherwise.
    """

    text: str
    kind: FormKind
    width: int
    precision: int | None = None

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=1024)
def parse_form(text: str) -> Form:
    """Read a form as the dictionary writes it; ValueError if vampd does not know it.

    Right-aligned strings are refused, since leading blanks are part of a value; so are left-aligned
    or zero-filled numbers, since the fixed format of FITS ends them in column 30.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(
            "expected a form such as '%20.8f', '%16d', '%-12s', '%-16.16s' or 'BOOLEAN',"
            f" found {text!r}"
        )
    if match["real"]:
        decimals = _DEFAULT_DECIMALS if match["decimals"] is None else int(match["decimals"])
        return Form(text, FormKind.REAL, int(match["width"] or 0), decimals)
    if match["integer"]:
        return Form(text, FormKind.INTEGER, int(match["digits"] or 0))
    if match["string"]:
        most = None if match["most"] is None else int(match["most"])
        return Form(text, FormKind.STRING, int(match["pad"]), most)
    return Form(text, FormKind.LOGICAL, 1)


def is_standard_card(keyword: str) -> bool:
    """Whether the FITS standard defines the card's form, so that no dictionary may."""
    return _STANDARD.fullmatch(keyword) is not None


@dataclass(frozen=True)
class Problem:
    """Why a card stays as it is although the dictionary requires another form.

    ``value`` is how the message shows it. Codes: ``card_not_a_value`` (NaN, infinity, nonsense),
    ``card_wrong_type``, ``card_has_decimals``, ``card_rounds_to_zero``, ``card_too_long``,
    ``card_no_room``.
    """

    code: str
    keyword: str
    value: str
    form: Form
    message: str


@dataclass(frozen=True)
class Formatted:
    """A card in its form, or as it was and the problem."""

    card: Card
    problem: Problem | None = None


def format_card(card: Card, form: Form) -> Formatted:
    """One card in this form.

    The same card comes back if it is already in its form, has no value, or may not be changed.
    """
    if is_standard_card(card.keyword):
        return Formatted(card)
    new, problem = format_text(card.text, form.text)
    return Formatted(card if new is None else Card(new), problem)


@lru_cache(maxsize=REMEMBERED_CARDS)
def format_text(text: str, form_text: str) -> tuple[str | None, Problem | None]:
    """A card's text in this form (None: as it was) and the problem; texts, only for speed.

    It does not check whether the standard defines the card's form.
    """
    card, form = Card(text), parse_form(form_text)
    value = card.value
    if not card.has_value or isinstance(value, Undefined):
        return None, None
    try:
        if isinstance(value, str) and not _WHOLE_STRING.fullmatch(text[10:]):
            value = Nonsense(text[10:].strip())
        return _write(card, _field(value, form)), None
    except _Harm as harm:
        shown = _shown(value)
        message = f"{card.keyword} = {shown}: {harm} {form}"
        return None, Problem(harm.code, card.keyword, shown, form, message)


class _Harm(Exception):
    """The form would harm the value; the form follows the message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _field(value: Value, form: Form) -> str:
    """The value in this form, before alignment."""
    match value:
        case bool() if form.kind is FormKind.LOGICAL:
            return "T" if value else "F"
        case str() if form.kind is FormKind.STRING:
            return _string_field(value, form)
        case Number() if form.kind is FormKind.REAL:
            return _real_field(_exact(value), form)
        case Number() if form.kind is FormKind.INTEGER:
            return _integer_field(_exact(value))
        case Nonsense():
            raise _Harm("card_not_a_value", "is no FITS value and cannot be written as")
        case _:
            raise _Harm("card_wrong_type", "is of another type than its form")


def _string_field(value: str, form: Form) -> str:
    if form.precision is not None and len(value) > form.precision:
        raise _Harm("card_too_long", "would be cut off by")
    # Padded before quotes are doubled: the width counts the characters of the value.
    return render_string(value.ljust(form.width))


def _real_field(number: Decimal, form: Form) -> str:
    rounded = number.quantize(Decimal(1).scaleb(-(form.precision or 0)), context=_EXACT)
    if number and not rounded:
        raise _Harm("card_rounds_to_zero", "would be written as zero by")
    return f"{rounded:f}"


def _integer_field(number: Decimal) -> str:
    if number != number.to_integral_value(context=_EXACT):
        raise _Harm("card_has_decimals", "has decimals that would be cut off by")
    return str(int(number))


def _exact(number: Number) -> Decimal:
    try:
        exact = Decimal(number.text.upper().replace("D", "E"))
    except InvalidOperation:  # an exponent that Decimal cannot hold either
        raise _Harm("card_not_a_value", "is beyond all numbers and cannot be written as") from None
    if not exact:
        return Decimal(0).copy_sign(exact)
    if exact.adjusted() >= _LONGEST_FIELD:
        raise _Harm("card_no_room", "does not fit on a card as")
    return exact


def _write(card: Card, field: str) -> str | None:
    """The card's text with this value field, its comment kept; None if the card already has it."""
    is_string = field.startswith("'")
    head = f"{card.keyword:<8}= {field if is_string else field.rjust(_FIELD_WIDTH)}"
    rest = card.text[len(head) :].lstrip(" ")
    if card.text.startswith(head) and (not rest or rest.startswith("/")):
        return None
    head = head.ljust(10 + _FIELD_WIDTH)
    comment = card.comment
    unit = _UNIT.match(comment)
    if len(head) + (3 + unit.end() if unit else 0) > CARD_LENGTH:
        raise _Harm("card_no_room", "leaves the card no room for value and unit as")
    # No slash with nothing after it if the value takes nearly all of the card.
    has_room = comment and len(head) + 3 < CARD_LENGTH
    whole = f"{head} / {comment}" if has_room else head
    return whole[:CARD_LENGTH].ljust(CARD_LENGTH)


def _shown(value: Value) -> str:
    if isinstance(value, Number | Nonsense):
        return value.text
    if isinstance(value, bool):
        return "T" if value else "F"
    return repr(value)
