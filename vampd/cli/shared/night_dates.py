"""The dates of the nights on record, for the completion of the shell.

``python -m vampd.cli.shared.night_dates [CONFIG]`` writes one a line, oldest first, and nothing
where there is no configuration or no database: at a tab nobody reads a message. It takes no longer
than the start of Python, because it validates nothing and imports nothing that is slow.
"""

from __future__ import annotations

import os
import re
import sqlite3
import sys
import tomllib
from contextlib import closing
from pathlib import Path

from vampd.config.place import CONFIG_VARIABLE, MACHINE_CONFIG
from vampd.errors import VampdError
from vampd.store.database.reading import connect_reading

_DATE = re.compile(r"\d{8}")
_SQLITE = "sqlite:///"


def night_dates(config: str | None) -> list[str]:
    """The dates, each once; empty where they cannot be read."""
    path = Path(config or os.environ.get(CONFIG_VARIABLE) or MACHINE_CONFIG)
    try:
        url = tomllib.loads(path.expanduser().read_text("utf-8"))["database"]["url"]
        with closing(connect_reading(Path(url.removeprefix(_SQLITE)))) as connection:
            dates = connection.execute("SELECT DISTINCT date FROM nights ORDER BY date").fetchall()
            found = [str(date) for (date,) in dates if _DATE.fullmatch(str(date))]
            return found if connection.is_sound else []
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError):
        return []
    except (sqlite3.Error, VampdError):
        return []


if __name__ == "__main__":
    sys.stdout.writelines(f"{date}\n" for date in night_dates("".join(sys.argv[1:2])))
