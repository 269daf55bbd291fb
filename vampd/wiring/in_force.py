"""What the running vampd works by: where its file is refused, commands go on with that."""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from vampd.config import MACHINE_CONFIG, Settings
from vampd.config.configured import read_configured
from vampd.disk.life_signs import look_for_life
from vampd.model.life_sign import Life

# As it stands in a file that may be no TOML any more.
_URL = re.compile(r'^\s*url\s*=\s*["\']sqlite:///(/[^"\'\n]+)["\']', re.MULTILINE)
_STATE = Path("/var/lib/vampd/vampd.db")  # as /etc/vampd/vampd.toml has it when it is installed


def settings_in_force(database: Path) -> Settings | None:
    """The settings of the vampd that runs on this database, None unless one certainly does."""
    return _settings_of(look_for_life(database, time.time()))


def settings_behind(path: Path) -> Settings | None:
    """The settings in force of the vampd that read this file before it could not be read."""
    databases = [_STATE] if path == MACHINE_CONFIG else []
    with suppress(OSError, UnicodeDecodeError):
        databases = [Path(found) for found in _URL.findall(read_configured(path))] + databases
    for database in databases:
        life = look_for_life(database, time.time())
        said = life.sign.configuration if life.sign is not None else None
        if said is not None and Path(said).absolute() == path.absolute():
            return _settings_of(life)
    return None


def _settings_of(life: Life) -> Settings | None:
    if not life.is_running or life.sign is None or life.sign.settings is None:
        return None
    try:
        return Settings.model_validate(json.loads(life.sign.settings))
    except (ValueError, ValidationError):
        # Of another version.
        return None
