"""The keyword dictionary, and cards in the form that it prescribes."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.model.headers.comparison import find_other_card
    from vampd.model.headers.condition import Condition, Described, is_number, parse_condition, says
    from vampd.model.headers.corrections import (
        CORRECTIONS,
        Correction,
        Corrections,
        format_corrections,
        parse_corrections,
        refuse_keywords,
        refused_correction,
    )
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
        ListedTable,
        cell_of,
        header_values,
        list_table,
        read_table,
        table_name,
    )
    from vampd.model.headers.required_cards import find_filled, find_missing
    from vampd.model.headers.wave_plate_log import PlateLog, is_same_angle, parse_plate_log
else:
    __getattr__ = show(
        __name__,
        {
            "comparison": "find_other_card",
            "condition": "Condition Described is_number parse_condition says",
            "corrections": (
                "Correction CORRECTIONS Corrections format_corrections parse_corrections "
                "refuse_keywords refused_correction"
            ),
            "dictionary": "Dictionary Entry format_cards",
            "forms": "Form format_card FormKind is_standard_card parse_form Problem",
            "header_table": (
                "Cell cell_of header_values HeaderTable list_table ListedTable PATH_COLUMN"
                " read_table table_name"
            ),
            "required_cards": "find_filled find_missing",
            "wave_plate_log": "is_same_angle parse_plate_log PlateLog",
        },
    )

__all__ = [
    "CORRECTIONS",
    "PATH_COLUMN",
    "Cell",
    "Condition",
    "Correction",
    "Corrections",
    "Described",
    "Dictionary",
    "Entry",
    "Form",
    "FormKind",
    "HeaderTable",
    "ListedTable",
    "PlateLog",
    "Problem",
    "cell_of",
    "find_filled",
    "find_missing",
    "find_other_card",
    "format_card",
    "format_cards",
    "format_corrections",
    "header_values",
    "is_number",
    "is_same_angle",
    "is_standard_card",
    "list_table",
    "parse_condition",
    "parse_corrections",
    "parse_form",
    "parse_plate_log",
    "read_table",
    "refuse_keywords",
    "refused_correction",
    "says",
    "table_name",
]
