"""The keyword dictionary, and cards in the form that it prescribes."""

from vampd.model.headers.dictionary import Dictionary, Entry, format_cards
from vampd.model.headers.forms import (
    Form,
    FormKind,
    Problem,
    format_card,
    is_standard_card,
    parse_form,
)
from vampd.model.headers.required_cards import find_missing

__all__ = [
    "Dictionary",
    "Entry",
    "Form",
    "FormKind",
    "Problem",
    "find_missing",
    "format_card",
    "format_cards",
    "is_standard_card",
    "parse_form",
]
