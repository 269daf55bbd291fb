"""The program for authorized_keys on the archive host: it lets vampd do its work there, no more.

``python -I -m vampd.adapters.archive.gate`` prints it, complete with the scripts that it knows.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from vampd.adapters.archive import scripts

# What each script may be asked for: to read, also with what guards the destination, to place the
# mark, to remove leftovers of rsync, or to remove doctor's probe.
_KINDS = {
    scripts.GUARD: "guards",
    scripts.LIST: "guards",
    scripts.DIGEST: "guards",
    scripts.LIST_HIDDEN: "reads",
    scripts.SPACE: "reads",
    scripts.DEVICE: "reads",
    scripts.NIGHTS: "reads",
    scripts.PROGRAMS: "reads",
    scripts.PROBES: "reads",
    scripts.REFUSED: "reads",
    scripts.PLACE_MARK: "marks",
    scripts.REMOVE_REPEATED: "cleans",
    scripts.REMOVE_PROBE: "probes",
}


def format_gate() -> str:
    """The whole program, for bash."""
    lines = (
        f"\t{hashlib.sha256(script.encode()).hexdigest()} {kind}" for script, kind in _KINDS.items()
    )
    text = Path(__file__).with_suffix(".sh").read_text("utf-8")
    return text.replace("\t@SCRIPTS@", "\n".join(lines))


if __name__ == "__main__":
    sys.stdout.write(format_gate())
