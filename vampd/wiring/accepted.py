"""A configuration that vampd has accepted: what to look at, known without judging it again.

To build what judges a configuration takes most of the start of a command. vampd leaves the digest
of the file that it works by in its sign of life, and the sign stays when vampd has stopped. Another
text, another version and a sign that cannot be believed give None: then the file is judged.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from vampd import __version__
from vampd.config.configured import digest_of, read_configured
from vampd.config.place import config_path
from vampd.disk.life_signs import look_for_life
from vampd.model.life_sign import Life

_SQLITE = "sqlite:///"


@dataclass(frozen=True)
class AcceptedPlaces:
    """The root of the nights and the database, as the settings have them, and its vampd."""

    root: Path
    database: Path
    life: Life


def find_accepted(given: Path | None, now: float) -> AcceptedPlaces | None:
    """What the configuration names, None unless its vampd has accepted this very text."""
    path = config_path(given)
    if path is None:
        return None
    try:
        text = read_configured(path)
        tables = tomllib.loads(text)
        url, root = tables["database"]["url"], tables["watch"]["root"]
        named = Path(url.removeprefix(_SQLITE))
        database = Path(os.path.realpath(named.parent), named.name)
        life = look_for_life(database, now)
        places = AcceptedPlaces(Path(os.path.realpath(root)), database, life)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    sign = life.sign
    is_accepted = (
        sign is not None
        and sign.version == __version__
        and sign.configuration == str(path.absolute())
        and sign.accepted == digest_of(text)
    )
    return places if is_accepted else None
