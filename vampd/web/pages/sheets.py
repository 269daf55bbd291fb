"""The pages beside those of nights: the one list of them.

Each shows the objects of a command of vampctl, which programs get beside it under the same name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vampd.cli.ids.ledger import ledger_object
from vampd.cli.status.disk import disk_object
from vampd.web.pages.disk_sheets import tell_disk, tell_transfers, transfer_objects
from vampd.web.pages.record_sheets import (
    mailing_objects,
    problem_objects,
    tell_ledger,
    tell_mail,
    tell_problems,
)
from vampd.web.pages.seen import Seen
from vampd.web.pages.sheet import Section, Sheet


@dataclass(frozen=True)
class SheetKind:
    """A page: its name in addresses, in the menu, its command, what it shows, and the objects."""

    name: str
    title: str
    command: str
    tell: Callable[[Seen], tuple[Section, ...]]
    objects: Callable[[Seen], Any]

    def make(self, seen: Seen) -> Sheet:
        """The page as its template shows it."""
        return Sheet(self.title, self.command, self.tell(seen))


SHEETS = (
    SheetKind("transfers", "Transfers", "vampctl transfers", tell_transfers, transfer_objects),
    SheetKind(
        "disk",
        "Disk",
        "vampctl disk",
        tell_disk,
        lambda seen: disk_object(seen.settings, seen.measures, seen.now),
    ),
    SheetKind(
        "ledger", "Frame IDs", "vampctl ledger", tell_ledger, lambda s: ledger_object(s.measures)
    ),
    SheetKind("mailings", "Mail", "vampctl mailings", tell_mail, mailing_objects),
    SheetKind("problems", "Problems", "vampctl status --problems", tell_problems, problem_objects),
)

# All pages but those of nights, as the menu names them.
MENU = (("", "Nights"), *((kind.name, kind.title) for kind in SHEETS))
