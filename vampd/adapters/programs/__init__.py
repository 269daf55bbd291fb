"""Other programs: run at the daemon's pace, and what their messages say."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.adapters.programs.cause import (
        CONNECTION_CAUSES,
        FULL_CAUSES,
        CauseName,
        ProgramCause,
        find_cause,
        original_words,
    )
    from vampd.adapters.programs.environment import is_installed
    from vampd.adapters.programs.process import (
        TICK_S,
        Ended,
        ProgramSilent,
        run_process,
    )
else:
    __getattr__ = show(
        __name__,
        {
            "cause": (
                "CauseName CONNECTION_CAUSES find_cause FULL_CAUSES original_words ProgramCause"
            ),
            "environment": "is_installed",
            "process": "Ended ProgramSilent run_process TICK_S",
        },
    )

__all__ = [
    "CONNECTION_CAUSES",
    "FULL_CAUSES",
    "TICK_S",
    "CauseName",
    "Ended",
    "ProgramCause",
    "ProgramSilent",
    "find_cause",
    "is_installed",
    "original_words",
    "run_process",
]
