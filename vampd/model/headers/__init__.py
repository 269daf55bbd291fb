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
    from vampd.model.headers.header_table import (
        PATH_COLUMN,
        Cell,
        HeaderTable,
        cell_of,
        listed_paths,
        table_name,
    )
    from vampd.model.headers.required_cards import find_missing
else:
    __getattr__ = show(
        __name__,
        {
            "comparison": "find_other_card",
            "dictionary": "Dictionary Entry format_cards",
            "forms": "Form format_card FormKind is_standard_card parse_form Problem",
            "header_table": "Cell cell_of HeaderTable listed_paths PATH_COLUMN table_name",
            "required_cards": "find_missing",
        },
    )

__all__ = [
    "PATH_COLUMN",
    "Cell",
    "Dictionary",
    "Entry",
    "Form",
    "FormKind",
    "HeaderTable",
    "Problem",
    "cell_of",
    "find_missing",
    "find_other_card",
    "format_card",
    "format_cards",
    "is_standard_card",
    "listed_paths",
    "parse_form",
    "table_name",
]
