"""Authorities that grant frame IDs: on their own, or through another program."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.adapters.authorities.authority import LocalAuthority, NoAuthority
    from vampd.adapters.authorities.authority_calls import CommandAuthority
    from vampd.adapters.authorities.gen2 import (
        Gen2Authority,
        Gen2FramesAuthority,
        answer_of,
        look_for_gen2,
    )
else:
    __getattr__ = show(
        __name__,
        {
            "authority": "LocalAuthority NoAuthority",
            "authority_calls": "CommandAuthority",
            "gen2": "answer_of Gen2Authority Gen2FramesAuthority look_for_gen2",
        },
    )

__all__ = [
    "CommandAuthority",
    "Gen2Authority",
    "Gen2FramesAuthority",
    "LocalAuthority",
    "NoAuthority",
    "answer_of",
    "look_for_gen2",
]
