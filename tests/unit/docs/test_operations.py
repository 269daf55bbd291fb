"""What docs/operations.md lists is what there is."""

import re
from pathlib import Path

from vampd.model.nights import WaitCode

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"


def test_every_code_of_waits_for_is_listed_once() -> None:
    table = OPERATIONS.read_text().split("| note | code |")[1].split("\n\n")[0]
    listed = re.findall(r"^\| .* \| `(\w+)` \|", table, re.MULTILINE)
    assert sorted(listed) == sorted(WaitCode)
