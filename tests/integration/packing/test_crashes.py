"""Packing killed between any two effects: whole or not there, and the next attempt mends it."""

import os
import signal
import subprocess
from pathlib import Path
from zlib import crc32

import pytest

from tests.conftest import IN_SOAK, ROOT
from tests.support.tools.packing import command, pack, prepare


def _run(folder: Path, **variables: str) -> int:
    environment = {**os.environ, **variables}
    run = subprocess.run(
        command(folder), cwd=ROOT, env=environment, start_new_session=True, check=False
    )
    return run.returncode


def _tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "hits"
    }


@pytest.mark.timeout(300)
def test_a_packing_killed_anywhere_leaves_the_same_tree_after_the_next(tmp_path: Path) -> None:
    undisturbed = tmp_path / "undisturbed"
    _, framelist = prepare(undisturbed)
    assert _run(undisturbed, VAMPD_FAILPOINT_LOG=str(tmp_path / "hits")) == 0
    wanted = _tree(undisturbed / "20251106")
    moments = (tmp_path / "hits").read_text().splitlines()
    assert len(moments) == len(set(moments)) >= 12
    if not IN_SOAK:
        moments = [moment for moment in moments if crc32(moment.encode()) % 4 == 0]
    named = 0
    for moment in moments:
        folder = tmp_path / moment
        prepare(folder)
        assert _run(folder, VAMPD_FAILPOINT=moment) == -signal.SIGKILL
        tree = _tree(folder / "20251106")
        visible = {name: tree[name] for name in tree if "/." not in name}
        # What has a name is whole, and a product never stands without its sidecar.
        assert visible.items() <= wanted.items()
        if framelist.packed_path in visible:
            assert framelist.sidecar_path in visible
            named += 1
            (folder / "20251106" / framelist.packed_path).unlink()
        pack(folder)
        assert _tree(folder / "20251106") == wanted
    assert 0 < named < len(moments)
