"""The keyword dictionary's file: a TOML table ``[keywords]`` with one line per keyword.

``AIRMASS = { form = "%20.3f", unit = "deg" }``; the unit is optional. What is not understood is
refused, with the keyword's name.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from vampd.config.configured import read_configured
from vampd.errors import ConfigError
from vampd.model.headers import Dictionary, Entry, parse_form

_KEYWORD = re.compile(r"[A-Z0-9_-]{1,8}")
_KEYS = frozenset({"form", "unit"})


def load_dictionary(path: Path) -> Dictionary:
    """Read and validate a dictionary file; ConfigError names the file and the keywords."""
    try:
        text = read_configured(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "dictionary_unreadable",
            f"cannot read the keyword dictionary {path}: {error}; see headers.dictionary",
            path=str(path),
        ) from error
    return parse_dictionary(text, str(path))


def parse_dictionary(text: str, origin: str) -> Dictionary:
    """Validate a dictionary's text; ``origin`` names it in messages."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("dictionary_not_toml", f"{origin} is not valid TOML: {error}") from error
    keywords = tables.pop("keywords", None)
    if not isinstance(keywords, dict) or tables:
        found = ", ".join(sorted(tables)) or "none"
        raise ConfigError(
            "dictionary_invalid", f"{origin}: expected one table [keywords]; other keys: {found}"
        )
    entries: dict[str, Entry] = {}
    problems: list[str] = []
    for keyword, line in keywords.items():
        try:
            entries[keyword] = _read_entry(keyword, line)
        except ValueError as error:
            problems.append(f"{keyword}: {error}")
    if problems:
        raise ConfigError("dictionary_invalid", f"{origin}: " + "; ".join(problems))
    return Dictionary(entries)


def _read_entry(keyword: str, line: object) -> Entry:
    if not _KEYWORD.fullmatch(keyword):
        raise ValueError("a keyword has one to eight characters out of A-Z, 0-9, - and _")
    if not isinstance(line, dict):
        raise ValueError(f'expected {{ form = "%20.3f" }}, found {line!r}')
    unknown = sorted(line.keys() - _KEYS)
    if unknown:
        raise ValueError(f"unknown key {unknown[0]}, expected form and unit")
    form, unit = line.get("form"), line.get("unit")
    if not isinstance(form, str):
        raise ValueError(f"the form must be a string, found {form!r}")
    if unit is not None and not (isinstance(unit, str) and unit):
        raise ValueError(f"the unit must be a string that is not empty, found {unit!r}")
    return Entry(parse_form(form), unit)
