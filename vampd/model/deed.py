"""What can be asked of the owner, and the command that carries out what takes long.

A request names a deed and its writer's choices, never a word of a command: `deed_words` makes
these.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from vampd.model.nights import Kind, NightId

# Whom a command acts for, in its environment.
ASKED_BY = "VAMPD_ASKED_BY"
MOST_FILES = 100
_LONGEST_DAYS = 36_525
_FILE = re.compile(r"(?:vgen2/)?[A-Za-z0-9_][A-Za-z0-9_.:+-]{0,200}")
_DESTINATION = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_.@-]{0,200}:)?/[^\0|\r\n]{0,1000}")


class Verb(StrEnum):
    """What can be asked for."""

    RETRY = "retry"
    HOLD = "hold"
    RELEASE = "release"
    ACKNOWLEDGE = "acknowledge"
    RESTORE = "restore"
    PURGE = "purge"
    RECOVER = "recover"
    ARCHIVE = "archive"
    MAIL = "mail"
    LEDGER = "ledger"


# What members may ask for unless the owner says otherwise.
MEMBERS_VERBS = (Verb.RETRY, Verb.HOLD, Verb.RELEASE, Verb.ACKNOWLEDGE)
# What reads or writes files and hosts: vampd has the owner's command do it.
LONG_VERBS = frozenset(Verb) - frozenset(MEMBERS_VERBS)
# What concerns no single night.
NIGHTLESS = frozenset({Verb.ARCHIVE, Verb.LEDGER})


@dataclass(frozen=True)
class Choices:
    """The options of a command, and the answers to its questions, as its writer gave them.

    Of `recover`: ``files``, ``removed`` and ``from_products``; of `purge`: ``after_days``, and
    ``same_disk``, the night typed again; of `mail`: ``send`` (else it is recorded as mailed), and
    ``again`` where some of it was mailed before; of `archive`: ``nights`` is the kind, ``to`` where
    it was moved, and ``known`` the destination and mark that were seen on record.
    """

    files: tuple[str, ...] = ()
    removed: bool = False
    from_products: bool = False
    after_days: float | None = None
    same_disk: bool = False
    send: bool = False
    again: bool = False
    nights: Kind | None = None
    to: str | None = None
    known: tuple[str, str] | None = None


NO_CHOICES = Choices()
_OF_VERB: Mapping[Verb, tuple[str, ...]] = {
    Verb.PURGE: ("after_days", "same_disk"),
    Verb.RECOVER: ("files", "removed", "from_products"),
    Verb.ARCHIVE: ("nights", "to", "known"),
    Verb.MAIL: ("send", "again"),
}


def choices_object(verb: Verb, choices: Choices) -> dict[str, Any]:
    """The choices of a verb for its request's file."""
    values = asdict(choices)
    return {name: values[name] for name in _OF_VERB.get(verb, ())}


def parse_choices(verb: Verb, given: Mapping[str, Any]) -> Choices:
    """Exactly the choices of a verb; ValueError or TypeError for anything else."""
    if set(given) != set(_OF_VERB.get(verb, ())):
        raise ValueError("choices that lack, or that are unknown")
    for name in ("removed", "from_products", "same_disk", "send", "again"):
        if type(given.get(name, False)) is not bool:
            raise TypeError(f"{name} is yes or no")
    files, days, to, known = (given.get(n) for n in ("files", "after_days", "to", "known"))
    if files is not None and not (
        isinstance(files, list) and len(files) <= MOST_FILES and all(map(_FILE.fullmatch, files))
    ):
        raise ValueError("no files of a night")
    if days is not None and not (type(days) in (int, float) and 0 <= days <= _LONGEST_DAYS):
        raise ValueError("no number of days")
    if to is not None and not (_DESTINATION.fullmatch(to) and to.isprintable()):
        raise ValueError("no destination")
    if known is not None and not (len(known) == 2 and all(isinstance(one, str) for one in known)):
        raise ValueError("no destination on record")
    return Choices(
        files=tuple(files or ()),
        removed=given.get("removed", False),
        from_products=given.get("from_products", False),
        after_days=None if days is None else float(days),
        same_disk=given.get("same_disk", False),
        send=given.get("send", False),
        again=given.get("again", False),
        nights=Kind(given["nights"]) if verb is Verb.ARCHIVE else None,
        to=to,
        known=None if known is None else (known[0], known[1]),
    )


def deed_words(verb: Verb, night: NightId | None, choices: Choices) -> tuple[str, ...]:
    """The words after `vampctl` of a deed of `LONG_VERBS`, its questions answered."""
    if verb is Verb.LEDGER:
        return ("rebuild-ledger", "--yes")
    if verb is Verb.ARCHIVE and choices.nights is not None:
        kind = choices.nights.value
        if choices.to is None:
            return ("archive", "accept", kind, "--yes")
        return ("archive", "moved", kind, f"--to={choices.to}", "--yes")
    if night is None:
        raise ValueError(f"{verb} is about a night")
    if verb is Verb.MAIL:
        way = "--send" if choices.send else "--mark-sent"
        return ("mail", night.date, way, *(["--yes"] if choices.again else []))
    kind_words = (night.date, f"--kind={night.kind}")
    match verb:
        case Verb.RESTORE:
            return ("restore", *kind_words, "--yes")
        case Verb.PURGE if choices.after_days is not None:
            return ("purge", *kind_words, f"--after={choices.after_days:g}")
        case Verb.PURGE:
            disk = [f"--same-disk={night.date}"] if choices.same_disk else []
            return ("purge", *kind_words, "--yes", *disk)
        case Verb.RECOVER:
            gone = ["--removed"] if choices.removed else []
            regained = ["--from-products"] if choices.from_products else []
            return ("recover", *kind_words, *gone, *regained, "--", *choices.files)
        case _:
            raise ValueError(f"{verb} has no command of its own")
