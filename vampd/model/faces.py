"""Lazy packages: a package exports the names of its modules, and imports them on first use.

`vampctl status` needs the names of a few modules out of many, and has no time to import the others:
their classes alone take a tenth of a second, numpy as much again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def show(package: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package (PEP 562): ``names``: each module's, by blanks."""
    homes = {name: module for module, shown in names.items() for name in shown.split()}

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, found)  # looked up once
        return found

    return get
