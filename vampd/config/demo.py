"""The demonstration's folder and settings: for `make demo`, and for whoever has no configuration.

Under /tmp anyone may make a folder of any name, and what lies in it is believed (settings may name
commands). So the folder is its user's own, closed to all others, or it is refused.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from vampd.config.packaged import packaged_file
from vampd.errors import ConfigError

DEMO_VARIABLE = "VAMPD_DEMO"
_PLACE = "@DEMO@"  # in demo.toml
_OWNER, _OTHERS = 0o700, 0o077


def demo_folder() -> Path:
    """Where this user's demonstration lies, existing or not: VAMPD_DEMO's, else one in /tmp."""
    named = os.environ.get(DEMO_VARIABLE)
    return Path(named).absolute() if named else Path(f"/tmp/vampd-demo-{os.geteuid()}")


def make_demo_folder() -> Path:
    """`demo_folder`, made if need be; ConfigError ``demo_folder_foreign`` if not one's own."""
    folder = demo_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(_OWNER)
    except FileExistsError:
        _refuse_foreign(folder)
    return folder


def demo_text() -> str:
    """The demonstration's configuration; ConfigError if its folder is there and not one's own."""
    folder = demo_folder()
    if os.path.lexists(folder):
        _refuse_foreign(folder)
    text = packaged_file("demo.toml").read_text()
    # What JSON escapes in a string, TOML escapes alike.
    return text.replace(_PLACE, json.dumps(str(folder), ensure_ascii=False)[1:-1])


def _refuse_foreign(folder: Path) -> None:
    found = folder.lstat()
    remedy = "remove it"
    if not stat.S_ISDIR(found.st_mode):
        fault = "it is no folder"
    elif found.st_uid != os.geteuid():
        fault = f"it belongs to user {found.st_uid}"
    elif found.st_mode & _OTHERS:
        fault = f"others may enter it (mode {stat.S_IMODE(found.st_mode):04o})"
        remedy = f"`chmod {_OWNER:o} {folder}`"
    else:
        return
    raise ConfigError(
        "demo_folder_foreign",
        f"the demo's folder {folder} must be your own and closed to others, but {fault}:"
        f" {remedy}, or name another (make demo DEMO=FOLDER; {DEMO_VARIABLE}=FOLDER for vampd and"
        " vampctl)",
        folder=str(folder),
    )
