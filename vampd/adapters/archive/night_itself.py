"""Whether a folder in which a copy of a night is looked for is the night itself, by another way.

Nothing is written to where the archive host has moved a night, so no mark can tell. A file that is
made in the night here, under a name that nobody has seen, shows there if both are one: whatever
host, mount, link or name lies between, and whatever that host keeps of listings.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vampd.disk.durable import scratch
from vampd.disk.refusal import PathAccess, translate_refusal
from vampd.errors import ArchiveUnreadable, ConfigError
from vampd.model.nights import Stream


def refuse_night_itself(folder: Path, place: str, is_there: Callable[[str], bool]) -> None:
    """ConfigError ``destination_is_source`` if ``place`` shows what is made in the night here.

    ``folder`` is the night here; ``is_there`` asks for one of its paths there. TransientError where
    no file can be made here: nothing is known then.
    """
    products = folder / Stream.VGEN2
    try:
        with scratch(products / "probe") as probe:
            is_itself = _shows(is_there, f"{Stream.VGEN2}/{Path(probe.name).name}")
    except (FileNotFoundError, NotADirectoryError):
        return  # nothing of the night is here
    except OSError as error:
        raise translate_refusal(error, products, PathAccess.WRITE) from error
    if is_itself:
        raise ConfigError(
            "destination_is_source",
            f"{place} leads to {folder}, the night itself, which is no copy of it: correct moved_to"
            " in [transfer]",
            target=place,
        )


def _shows(is_there: Callable[[str], bool], path: str) -> bool:
    try:
        return is_there(path)
    except ArchiveUnreadable:
        return True
