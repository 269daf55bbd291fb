"""Hosts that pack for the daemon of another one: what they tell each other on the root."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.adapters.crew.board import Board
    from vampd.adapters.crew.sign import HostSign
else:
    __getattr__ = show(__name__, {"board": "Board", "sign": "HostSign"})

__all__ = ["Board", "HostSign"]
