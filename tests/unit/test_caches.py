"""What a function remembers has a bound: the daemon calls it for years."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import vampd

# About half a megabyte where each entry is a card and what was found of it.
_MOST = 1024
_ROOT = Path(vampd.__file__).parent


def remembering() -> Iterator[functools._lru_cache_wrapper[object]]:
    for path in sorted(_ROOT.rglob("*.py")):
        # Importing all would take a minute.
        if "import cache" in (text := path.read_text()) or "lru_cache" in text:
            module = ".".join(("vampd", *path.relative_to(_ROOT).with_suffix("").parts))
            for found in vars(importlib.import_module(module)).values():
                if isinstance(found, functools._lru_cache_wrapper):
                    yield found


def test_no_function_remembers_more_than_the_last_thousand_answers() -> None:
    functions = {each for each in remembering() if inspect.signature(each).parameters}
    assert functions
    unbounded = {
        each for each in functions if (most := each.cache_info().maxsize) is None or most > _MOST
    }
    assert not unbounded
