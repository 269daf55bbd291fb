"""How a sequence begins: a site with a night that is done, made once a kind of beginning."""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from tests.conftest import IN_SOAK
from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.site import make_site
from tests.support.tools.memory import folder_in_memory
from tests.support.worlds.proof.in_process import InProcess
from vampd.model.cubes import Generation
from vampd.model.nights import Kind
from vampd.model.sync import synchronize
from vampd.stages import sync

DATE = "20251106"
NEIGHBOR = "20251107"
# One worker and one attempt at a time: a kill at number k is the same moment in every run.
TABLES: dict[str, dict[str, object]] = {
    "schedule": {"workers": 1},
    "sync": {"hold_when_unexpected": False},
    "retry": {"attempts": 99},
    # Each copy is two programs more; in CI, test_sent_ahead and random kills have it.
    "transfer": {"send_ahead_bytes": 1 if IN_SOAK else 0},
}


@dataclass(frozen=True)
class Beginning:
    """How a sequence begins: a night that is done, of both cameras or of the first alone.

    ``loose``: one frame of a good cube is in no product. ``neighbor``: another
    night of the kind is done too.
    """

    kind: Kind = Kind.ARCHIVE
    late_camera: bool = False
    mailed: bool = False
    loose: bool = False
    neighbor: bool = False


@cache
def make_template(beginning: Beginning) -> Path:
    """The site's folder, to be copied."""
    folder = mkdtemp(prefix="proof-", dir=folder_in_memory())
    atexit.register(shutil.rmtree, folder)
    site = make_site(Path(folder) / "site", **TABLES)
    night, _ = make_smallest(site.root, DATE, beginning.kind)
    if beginning.late_camera:
        (site.folder(night) / "vcam2").rename(site.base / f"{DATE} vcam2")
    if beginning.neighbor:
        make_smallest(site.root, NEIGHBOR, beginning.kind, seed=5)
    own = InProcess(site)
    with dropping_a_frame() if beginning.loose else nullcontext():
        own.advance()
    if beginning.mailed:
        assert own.command("mail", DATE, "--mark-sent").status == 0
    return site.base


def _drop_a_frame(*cubes: Any, **rules: Any) -> Generation:
    """Sync, but for the last frame of the first product."""
    decided = synchronize(*cubes, **rules)
    first, *others = decided.products
    *parts, last = first.ranges
    parts.append(replace(last, count=last.count - 1))
    partners = first.partners[:-1]
    if first.partners:
        end = first.partners[-1]
        partners = (*partners, replace(end, count=end.count - 1))
    short = replace(first, ranges=tuple(parts), partners=partners)
    return replace(decided, products=(short, *others))


@contextmanager
def dropping_a_frame() -> Iterator[None]:
    """Until the end, sync puts one frame of a good cube into no product."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sync, "synchronize", _drop_a_frame)
        yield
