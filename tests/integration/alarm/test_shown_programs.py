"""The programs of docs/operations.md tell what they are told, called as it is shown there."""

import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.web.pinged import Pinged, running_pinged
from tests.unit.docs.test_operations import NEEDED
from vampd.config import parse_settings
from vampd.model.alarm import AlarmMessage, AlarmState
from vampd.ports import AlarmWay
from vampd.wiring.alarm import make_ways

OPERATIONS = ROOT / "docs" / "operations.md"
SUBJECT = "vampd: 20251106 archive is held"
BODY = "sync_unexpected: `vampctl why 20251106`\nλ/4 plate\n"
SHOWN_SERVER = "https://ntfy.example.org"


@pytest.fixture
def server() -> Iterator[Pinged]:
    with running_pinged() as running:
        yield running


@pytest.fixture
def way(server: Pinged, tmp_path: Path) -> Callable[[str], AlarmWay]:
    """A way that is shown, told of a server and of files that are here."""
    blocks = re.findall(r"^```toml\n(.*?)^```$", OPERATIONS.read_text(), re.MULTILINE | re.DOTALL)
    shown = "".join(block for block in blocks if "[[notify]]" in block)
    for name, here in (("/etc/vampd", str(tmp_path)), (SHOWN_SERVER, server.url)):
        assert name in shown
        shown = shown.replace(name, here)
    tables = "".join(f"[{name}]\n{line}\n" for name, line in NEEDED.items())
    ways = make_ways(parse_settings(tables + shown, "shown"), threading.Event())

    def chosen(name: str) -> AlarmWay:
        (found,) = (one for one in ways if one.name == name)
        return found

    return chosen


def message(state: AlarmState) -> AlarmMessage:
    return AlarmMessage(state, SUBJECT, BODY, ("20251106-archive",), ("sync_unexpected",))


def needed(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed: apt-get install {program}")


@pytest.mark.soak
def test_curl_posts_the_text_to_the_topic_of_ntfy(
    server: Pinged, way: Callable[[str], AlarmWay], tmp_path: Path
) -> None:
    needed("curl")
    (tmp_path / "ntfy.headers").write_text("Title: vampd\nAuthorization: Bearer tk_x\n")
    way("ntfy").tell(message(AlarmState.HELD))
    (asked,) = server.asked
    assert asked == ("POST", "/ping/5bf66975/vampires", f"{SUBJECT}\n\n{BODY}")
    assert server.headers[0]["title"] == "vampd"
    assert server.headers[0]["authorization"] == "Bearer tk_x"


@pytest.mark.soak
@pytest.mark.parametrize(
    ("name", "state", "kind"),
    [("trouble", AlarmState.HELD, "failure"), ("over", AlarmState.RECOVERED, "success")],
)
def test_apprise_tells_the_services_of_its_file(
    server: Pinged,
    way: Callable[[str], AlarmWay],
    tmp_path: Path,
    name: str,
    state: AlarmState,
    kind: str,
) -> None:
    needed("apprise")
    (tmp_path / "apprise.conf").write_text(f"{server.url.replace('http', 'json')}\n")
    way(name).tell(message(state))
    ((_, _, body),) = server.asked
    told = json.loads(body)
    assert (told["title"], told["type"]) == ("vampd", kind)
    assert told["message"].strip() == f"{SUBJECT}\n\n{BODY}".strip()
