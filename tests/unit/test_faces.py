"""Rooms are entered by their faces: what a face lists is there, and is imported when asked for."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import vampd

_HOME = Path(vampd.__path__[0])
ROOMS = sorted(
    ".".join(path.parent.relative_to(_HOME.parent).parts)
    for path in _HOME.rglob("__init__.py")
    if "__getattr__ = show(" in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("room", ROOMS)
def test_a_face_shows_all_that_it_lists_and_nothing_else(room: str) -> None:
    face = import_module(room)
    listed = set(face.__all__)
    assert {name for name in listed if getattr(face, name) is not None} == listed
    with pytest.raises(AttributeError, match="nonesuch"):
        face.nonesuch  # noqa: B018
    # What type checkers are shown is what is there.
    tree = ast.parse(Path(str(face.__file__)).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    checked = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert {alias.name for node in checked for alias in node.names} == listed
    for node in checked:
        home = import_module(str(node.module))
        for alias in node.names:
            assert getattr(face, alias.name) is getattr(home, alias.name)


def test_what_is_not_asked_for_is_not_imported() -> None:
    script = (
        "import sys\nfrom vampd.model.nights import NightId\nfrom vampd.model.cubes import Cards\n"
        "print(sorted(m for m in sys.modules if m == 'numpy' or m.endswith('.schedule')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout == b"[]\n"
