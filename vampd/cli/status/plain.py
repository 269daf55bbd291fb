"""`vampctl status` as people type it most, without what takes long to import: typer, the settings.

It understands each option by its whole name, and a configuration that vampd has accepted. Whatever
else is typed or found gives None: then the command proper runs, and finds the words for it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vampd.errors import EXIT_NIGHT, EXIT_OK

# A test holds these to the options of the command. What stands behind a text is taken as it is.
FLAGS = frozenset(
    ["--problems", "--held", "--unsafe", "--unmailed", "--all", "--wide", "--check", "--json"],
)
_CONFIG, _COLUMNS, _SINCE = TEXTS = ("--config", "--columns", "--since")
_NAME = "status"


@dataclass(frozen=True)
class Plain:
    """The words, each understood: flags and texts by their names."""

    flags: frozenset[str]
    texts: dict[str, str]
    night: str | None = None


def read_plainly(words: Sequence[str]) -> Plain | None:
    """What the arguments of vampctl say, None unless they plainly are of ``status``."""
    rest, texts, flags, plain = list(words), dict[str, str](), set[str](), list[str]()
    while rest:
        word = rest.pop(0)
        # Before the name of the command, only the configuration is an option.
        is_option = bool(plain) or word == _CONFIG
        if is_option and word in TEXTS and word not in texts and rest and _is_text(rest[0]):
            texts[word] = rest.pop(0)
        elif is_option and word in FLAGS:
            flags.add(word)
        elif _is_text(word):
            plain.append(word)
        else:
            return None
    if plain[:1] != [_NAME] or len(plain) > 2:
        return None
    return Plain(frozenset(flags), texts, plain[1] if plain[1:] else None)


def _is_text(word: str) -> bool:
    return bool(word) and not word.startswith("-")


def show_plainly(words: Sequence[str]) -> int | None:
    """Show what is asked for; gives the exit status, None if the command proper has to."""
    said = read_plainly(words)
    if said is None:
        return None
    from vampd.cli.status.listing import Asked, show_status
    from vampd.cli.status.nights_table import NAMES, columns_named
    from vampd.store.fast_status import read_fast_status
    from vampd.wiring.accepted import find_accepted

    flags, texts, now = said.flags, said.texts, time.time()
    try:
        columns = columns_named(texts[_COLUMNS]) if _COLUMNS in texts else None
    except ValueError:
        return None
    places = find_accepted(Path(texts[_CONFIG]) if _CONFIG in texts else None, now)
    if places is None:
        return None
    asked = Asked(
        night=said.night,
        only_problems="--problems" in flags,
        only_held="--held" in flags,
        only_unsafe="--unsafe" in flags,
        only_unmailed="--unmailed" in flags,
        since=texts.get(_SINCE),
        list_all="--all" in flags,
        columns=NAMES if "--wide" in flags else columns,
        as_json="--json" in flags,
        checks="--check" in flags,
    )
    with read_fast_status(places.database) as seen:
        if seen is None:
            return None
        needs_person = show_status(asked, seen, places.root, places.life, now)
    return EXIT_NIGHT if needs_person else EXIT_OK
