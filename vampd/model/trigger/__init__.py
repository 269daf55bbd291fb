"""The trigger: one model of which trigger took each frame, and in which state of the FLC."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.model.trigger.arrivals import Arrivals, order_of_taking
    from vampd.model.trigger.inference import (
        ALONE,
        DRIVEN,
        NONE,
        RELAXED,
        UNKNOWN,
        Inference,
        infer,
    )
    from vampd.model.trigger.kernels import PLAIN, Kernels, compile_kernels
else:
    __getattr__ = show(
        __name__,
        {
            "arrivals": "Arrivals order_of_taking",
            "inference": "ALONE DRIVEN infer Inference NONE RELAXED UNKNOWN",
            "kernels": "compile_kernels Kernels PLAIN",
        },
    )

__all__ = [
    "ALONE",
    "DRIVEN",
    "NONE",
    "PLAIN",
    "RELAXED",
    "UNKNOWN",
    "Arrivals",
    "Inference",
    "Kernels",
    "compile_kernels",
    "infer",
    "order_of_taking",
]
