"""The order of effects of the whole daemon, as the kernel saw it.

For every name that appears in vgen2: fsync(file), link or rename, fsync(folder), and only then the
database commit that tells of it.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import BIN
from tests.support.daemon.site import Site, make_site
from vampd.model.nights import NightId

# Its set-up is a whole night under a tracer.
pytestmark = pytest.mark.early
_TRACED = "fsync,fdatasync,link,linkat,rename,renameat,renameat2,pwrite64,write"
_BEGUN = re.compile(r"(\d+) +(.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"(\d+) +<\.\.\. \w+ resumed>(.*)$")
# A name, behind the descriptor of the folder that it stands in, if any.
_NAMED = re.compile(r'(?:\w+<([^>]*)>, )?"([^"]+)"')
_CALL = re.compile(r"\d+ +(\w+)\((.*)\) += (-?\d+)")


@dataclass(frozen=True)
class Call:
    """A call that succeeded, with the moments (line numbers) at which it began and ended."""

    name: str
    arguments: str
    began: int
    ended: int

    def is_on(self, path: str) -> bool:
        """Whether its descriptor is open on this file."""
        return re.match(rf"\d+<{re.escape(path)}>", self.arguments) is not None


@dataclass(frozen=True)
class Traced:
    site: Site
    night: NightId
    calls: list[Call]

    @property
    def vgen2(self) -> str:
        return str(self.site.folder(self.night) / "vgen2")

    def appearances(self) -> list[tuple[str, str, Call]]:
        """(temporary name, final name, call) of each name that appeared in vgen2."""
        found = []
        for call in self.calls:
            if call.name.startswith(("link", "rename")):
                names = [os.path.join(*named) for named in _NAMED.findall(call.arguments)]
                if len(names) == 2 and os.path.dirname(names[1]) == self.vgen2:
                    found.append((names[0], names[1], call))
        return found


def parse_trace(lines: list[str]) -> list[Call]:
    """The calls of all threads that succeeded."""
    begun: dict[str, tuple[int, str]] = {}
    calls = []
    for number, line in enumerate(lines):
        began = number
        if match := _BEGUN.match(line):
            begun[match[1]] = number, line.removesuffix(" <unfinished ...>")
            continue
        if match := _RESUMED.match(line):
            if match[1] not in begun:
                continue
            began, start = begun.pop(match[1])
            line = start + match[2]
        if (match := _CALL.match(line)) and int(match[3]) >= 0:
            calls.append(Call(match[1], match[2], began, number))
    return calls


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory, tool: Callable[[str], str]) -> Traced:
    site = make_site(tmp_path_factory.mktemp("trace"))
    night, _ = make_smallest(site.root)
    trace = site.base / "trace"
    # Other calls go by without a stop.
    strace = [tool("strace"), "--seccomp-bpf", "-f", "-y", "-s", "4200", "-o", str(trace)]
    strace += ["-e", f"trace={_TRACED}"]
    daemon = [str(BIN / "vampd"), "--config", str(site.config), "--log", "json", "--until-idle"]
    with site.log.open("wb") as log:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("VAMPD_")}
        done = subprocess.run(
            [*strace, *daemon], stdout=log, stderr=log, env=environ, timeout=200, check=False
        )
    assert done.returncode == 0, site.log.read_text()
    lines = trace.read_text(errors="replace").splitlines()
    return Traced(site, night, parse_trace(lines))


def test_every_product_appears_by_link_or_rename(traced: Traced) -> None:
    appeared = {final for _, final, _ in traced.appearances()}
    there = {str(path) for path in Path(traced.vgen2).iterdir()}
    assert there
    assert there <= appeared
    assert sum(final.endswith(".fits.fz") for final in there) == 5


def test_a_file_is_on_the_disk_before_it_is_named(traced: Traced) -> None:
    for temporary, final, named in traced.appearances():
        syncs = [c for c in traced.calls if c.name == "fsync" and c.is_on(temporary)]
        writes = [c for c in traced.calls if c.name in ("write", "pwrite64") and c.is_on(temporary)]
        assert syncs, f"{final} was never synced"
        last = max(c.ended for c in syncs)
        assert last < named.began, final
        assert writes, final
        assert all(write.ended < named.began for write in writes), final
        assert any(c.began > max(w.ended for w in writes) for c in syncs), final


def test_products_are_linked_so_that_none_is_overwritten(traced: Traced) -> None:
    calls = [
        call.name
        for _, final, call in traced.appearances()
        if final.endswith((".fits.fz", ".json"))
    ]
    assert len(calls) == 6
    assert all(call.startswith("link") for call in calls)


def test_the_folder_is_on_the_disk_before_the_database_reports_a_product(
    traced: Traced,
) -> None:
    wal = f"{traced.site.database}-wal"
    for _, final, named in traced.appearances():
        if not final.endswith(".fits.fz"):
            continue
        folder_syncs = [
            c
            for c in traced.calls
            if c.name == "fsync" and c.is_on(traced.vgen2) and c.began > named.ended
        ]
        assert folder_syncs, final
        synced = min(c.ended for c in folder_syncs)
        relative = f"vgen2/{os.path.basename(final)}"
        shown = [
            c
            for c in traced.calls
            if c.name == "pwrite64" and c.is_on(wal) and relative in c.arguments
        ]
        assert shown, f"no receipt of {relative} was written"
        assert synced < min(c.began for c in shown), final
        first = min(shown, key=lambda c: c.began)
        commits = [
            c
            for c in traced.calls
            if c.name in ("fdatasync", "fsync") and c.is_on(wal) and c.began > first.ended
        ]
        assert commits, "the receipt's commit was never synced"


def test_a_generation_is_on_the_disk_before_the_first_framelist(traced: Traced) -> None:
    appearances = traced.appearances()
    (generation,) = [call for _, final, call in appearances if final.endswith(".json")]
    framelists = [call for _, final, call in appearances if final.endswith(".framelist")]
    synced = min(
        c.ended
        for c in traced.calls
        if c.name == "fsync" and c.is_on(traced.vgen2) and c.began > generation.ended
    )
    assert framelists
    assert synced < min(call.began for call in framelists)


def test_frame_ids_are_on_record_before_a_framelist_bears_them(traced: Traced) -> None:
    ledger = str(traced.site.ledger)
    stamped = [
        call
        for _, final, call in traced.appearances()
        if re.fullmatch(r"VMPA.*\.framelist", os.path.basename(final))
    ]
    bound = [
        c for c in traced.calls if c.name == "write" and c.is_on(ledger) and '"bound' in c.arguments
    ]
    assert len(stamped) >= 5
    assert len(bound) == 1
    synced = [
        c.ended
        for c in traced.calls
        if c.name == "fsync" and c.is_on(ledger) and c.began > bound[0].ended
    ]
    assert min(synced) < min(call.began for call in stamped)
