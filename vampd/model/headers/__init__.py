"""The keyword dictionary, and cards in the form that it prescribes."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.model.headers.comparison import find_other_card
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
else:
    __getattr__ = show(
        __name__,
        {
            "comparison": "find_other_card",
            "dictionary": "Dictionary Entry format_cards",
            "forms": "Form format_card FormKind is_standard_card parse_form Problem",
            "required_cards": "find_missing",
        },
    )

__all__ = [
    "Dictionary",
    "Entry",
    "Form",
    "FormKind",
    "Problem",
    "find_missing",
    "find_other_card",
    "format_card",
    "format_cards",
    "is_standard_card",
    "parse_form",
]
