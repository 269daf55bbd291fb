"""The table of limits in decision 69 is that of the code."""

import re
from pathlib import Path

from vampd.adapters.archive import ssh
from vampd.adapters.authorities.answers import LONGEST_BYTES
from vampd.adapters.programs import process
from vampd.config import configured
from vampd.disk.reading import MOST_FILES, MOST_TEXT_BYTES
from vampd.disk.rights.request_folder import MOST_KEPT
from vampd.engine.nights.night_listing import MOST_NIGHTS
from vampd.fits.raw import rawcube
from vampd.ledger import file as ledger_file
from vampd.model.request import LONGEST_REQUEST_BYTES

DECISIONS = Path(__file__).parents[3] / "docs" / "decisions"
LIMITS = {
    "the answer of an archive host": (ssh._MOST_BYTES, MOST_FILES),
    "the answer of any other program": (process._MOST_OUTPUT_BYTES,),
    "an answer with frame IDs, Gen2's or a command's": (LONGEST_BYTES,),
    "a timing file": (rawcube._MOST_TIMING_BYTES,),
    "a file of vampd's own in a night, a log of the old tools": (MOST_TEXT_BYTES,),
    "the frame-ID ledger": (ledger_file._LONGEST_LINE, ledger_file._MOST_BYTES),
    "what a person wrote: configuration, dictionary, template": (configured.MOST_BYTES,),
    "a folder of a night": (MOST_FILES,),
    "nights": (MOST_NIGHTS,),
    "a request of a member": (LONGEST_REQUEST_BYTES, MOST_KEPT),
}


def test_each_limit_is_in_the_table_and_no_other() -> None:
    (page,) = DECISIONS.glob("0069-*.md")
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", page.read_text(), re.MULTILINE))
    assert {name: limit for name, limit in rows.items() if name != "what"}.keys() == LIMITS.keys()
    for name, limits in LIMITS.items():
        for limit in limits:
            assert f"{limit:,}" in rows[name], name
