"""The templates: every text that reaches a browser leaves through here.

Autoescaping makes text of what would be markup, and `show` of what a browser would obey, reorder
or hide, as it does for terminals.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from vampd import __version__
from vampd.cli.shared.words import format_time
from vampd.model.escapes import show

_HASH_LETTERS = 10
# Those of two pages and what stands above them: of a night at work each look leaves another one.
_ROWS = 160
_QUOTED = re.compile(r"`([^`]+)`")
MEDIA_TYPES = {"style.css": "text/css", "details.css": "text/css", "live.js": "text/javascript"}


@dataclass(frozen=True)
class Site:
    """How pages are linked: from where the program serves them, or as files."""

    host: str
    # The pages in the menu: name, '' for that of nights, and title.
    menu: tuple[tuple[str, str], ...] = ()
    # What the name of a page ends with.
    ending: str = ""
    # The page of nights.
    home: str = "./"
    is_live: bool = True


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The one environment, with its templates."""
    made = Environment(
        loader=PackageLoader("vampd.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    made.filters["moment"] = _moment
    made.filters["coded"] = _coded
    made.globals["night_row"] = _night_row
    return made


@lru_cache(maxsize=_ROWS)
def _night_row(line: Hashable, up: str, site: Site) -> Markup:
    """A row of the table of nights, which mostly is as it was when the page was last made."""
    module: Any = environment().get_template("parts.html").module
    return Markup(module.night_row(line, up, site))


def _finalize(value: object) -> object:
    # What a template has made is a text of another kind; words of enumerations are plain.
    return show(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _coded(text: str) -> Markup:
    """A text of ours or of others, with what it `quotes` as code."""
    return Markup(_QUOTED.sub(r"<code>\1</code>", str(escape(show(text)))))


def _moment(at: float) -> str:
    """A time for people: ``2025-11-07 01:51:53``."""
    return format_time(at).replace("T", " ").removesuffix("Z")


def render(name: str, site: Site, up: str, now: float, here: str | None, **values: object) -> bytes:
    """A page; ``up`` leads from it to the page of nights, ``here`` is its name in the menu."""
    shared: Mapping[str, Any] = {
        "site": site,
        "up": up,
        "now": now,
        "here": here,
        "version": __version__,
    }
    text = environment().get_template(name).render(**shared, assets=assets(), **values)
    return text.encode()


@lru_cache(maxsize=8)
def asset(name: str) -> bytes:
    """A file that pages refer to."""
    return (files("vampd.web") / "static" / name).read_bytes()


@lru_cache(maxsize=1)
def assets() -> Mapping[str, str]:
    """Their names, with what changes with their content, so that browsers may keep them."""
    return {
        name: f"static/{name}?v={hashlib.sha256(asset(name)).hexdigest()[:_HASH_LETTERS]}"
        for name in MEDIA_TYPES
    }
