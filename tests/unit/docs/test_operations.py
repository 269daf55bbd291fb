"""What docs/operations.md lists is what there is."""

import re
import tomllib
from pathlib import Path

import pytest

from vampd.config import parse_settings
from vampd.model.nights import WaitCode

DOCS = Path(__file__).parents[3] / "docs"
OPERATIONS = DOCS / "operations.md"
# What a configuration cannot be without, by table.
NEEDED = {
    "watch": 'root = "/mnt/fuuu"',
    "database": 'url = "sqlite:////var/lib/vampd/vampd.db"',
    "transfer.archive": 'destination = "/archive"',
    "transfer.engineering": 'destination = "/engineering"',
}


@pytest.mark.parametrize("name", ["operations.md", "more-hosts.md"])
def test_what_is_shown_of_the_configuration_is_one(name: str) -> None:
    shown = re.findall(r"^```toml\n(.*?)^```$", (DOCS / name).read_text(), re.MULTILINE | re.DOTALL)
    assert shown
    for text in shown:
        tables = [f"[{name}]\n{line}" for name, line in NEEDED.items() if f"[{name}]" not in text]
        parse_settings("\n".join((text, *tables)), name)
        assert tomllib.loads(text)


def test_every_code_of_waits_for_is_listed_once() -> None:
    table = OPERATIONS.read_text().split("| note | code |")[1].split("\n\n")[0]
    listed = re.findall(r"^\| .* \| `(\w+)` \|", table, re.MULTILINE)
    assert sorted(listed) == sorted(WaitCode)
