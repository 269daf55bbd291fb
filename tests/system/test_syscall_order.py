"""The order of effects, as the kernel saw it: SIGKILL cannot prove an fsync, a trace can."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.tools.packing import command, prepare

_CALL = re.compile(r"\d+ +(?P<call>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)")
_EFFECTS = "fsync,fdatasync,link,linkat,rename,renameat,renameat2,unlink,unlinkat"
_READINGS = ("read", "pread64", "preadv", "preadv2", "mmap")
_TRACED = ",".join((_EFFECTS, "fadvise64", *_READINGS))
# The whole file: from its beginning to its end.
_DROP = re.compile(r", 0, 0, POSIX_FADV_DONTNEED$")


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory, tool: Callable[[str], str]) -> list[str]:
    """The traced calls of one packing, in order, each as `call what`, vgen2 only."""
    folder = tmp_path_factory.mktemp("packed")
    prepare(folder)
    trace = folder / "trace"
    # Other calls go by without a stop.
    strace = [tool("strace"), "--seccomp-bpf", "-f", "-y", "-s", "4096", "-o", str(trace)]
    strace += ["-e", f"trace={_TRACED}"]
    subprocess.run([*strace, *command(folder)], cwd=ROOT, check=True)
    shown = []
    for line in trace.read_text().splitlines():
        match = _CALL.match(line)
        if not match or "/vgen2" not in match["arguments"] or match["result"] == "-1":
            continue
        what = _named(match["arguments"])
        if match["call"] in _READINGS:
            shown.append(f"read {what}")
        elif match["call"] != "fadvise64":
            shown.append(f"{match['call'].removesuffix('at')} {what}")
        elif _DROP.search(match["arguments"]):
            shown.append(f"drop {what}")
    return shown


def _effects(calls: list[str]) -> list[str]:
    return [call for call in calls if not call.startswith(("drop", "read"))]


def _named(arguments: str) -> str:
    """The last path of a call: the product, its sidecar, a temporary file, or the folder."""
    # A name in a folder, by the descriptor of the folder; or a descriptor alone.
    below = re.findall(r'<(/[^>]*/vgen2)>, "([^"]*)"', arguments)
    whole = re.findall(r"<(/[^>]*/vgen2[^>]*)>", arguments)
    name = below[-1][1] if below else whole[-1].rpartition("/")[2]
    if name == "vgen2":
        return "folder"
    if name.startswith(".vampd-"):
        return "temporary"
    return {".txt": "sidecar", ".fz": "product"}[Path(name).suffix]


def test_a_name_appears_after_the_file_is_on_the_disk_and_before_its_folder_is(
    calls: list[str],
) -> None:
    effects = _effects(calls)
    assert effects.count("link product") == 1
    link = effects.index("link product")
    assert effects[link - 1] == "fsync temporary"
    assert effects[link + 1 :] == ["unlink temporary", "fsync folder"]


def test_the_sidecar_is_durable_before_the_product_is_named(calls: list[str]) -> None:
    effects = _effects(calls)
    assert effects[:3] == ["fsync temporary", "rename sidecar", "fsync folder"]
    assert "link product" in effects[3:]


def test_the_proof_reads_the_disk_and_not_the_cache(calls: list[str]) -> None:
    first = calls.index("read temporary")
    # Pages that are still to be written cannot be dropped.
    assert calls[first - 2 : first] == ["fsync temporary", "drop temporary"]
    assert first < calls.index("link product")


def test_nothing_is_named_without_link_or_rename(calls: list[str]) -> None:
    named = [call for call in calls if call.split()[0] in ("link", "rename", "rename2")]
    assert sorted(named) == ["link product", "rename sidecar"]
