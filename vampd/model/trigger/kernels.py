"""Kernels: the loops over frames, as they stand here or compiled; both give the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from vampd.model.trigger.lattice import read_off, sweep
from vampd.model.trigger.partners import weigh_partners


@dataclass(frozen=True)
class Kernels:
    """The functions of ``lattice`` and ``partners``."""

    sweep: Callable[..., None]
    read_off: Callable[..., Any]
    weigh_partners: Callable[..., None]


PLAIN: Final = Kernels(sweep, read_off, weigh_partners)


def compile_kernels(compiled: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Kernels:
    """The kernels by this compiler."""
    return Kernels(compiled(sweep), compiled(read_off), compiled(weigh_partners))
