"""The trigger: one model of which trigger took each frame, and in which state of the FLC."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.model.trigger.arrivals import Arrivals, order_of_taking
    from vampd.model.trigger.explanation import Explanation, Hypothesis, explain_frame
    from vampd.model.trigger.inference import (
        DRIVEN,
        NONE,
        RELAXED,
        UNKNOWN,
        Inference,
        infer,
    )
    from vampd.model.trigger.instrument import arrival_scatter_us, rows_tolerance_us
    from vampd.model.trigger.kernels import PLAIN, Kernels, compile_kernels
    from vampd.model.trigger.measures import Measured, measure_intervals
    from vampd.model.trigger.partners import ALONE
    from vampd.model.trigger.tempo import running_median
    from vampd.model.trigger.weights import Margins, chance_of, margin_of
else:
    __getattr__ = show(
        __name__,
        {
            "arrivals": "Arrivals order_of_taking",
            "explanation": "explain_frame Explanation Hypothesis",
            "inference": "DRIVEN infer Inference NONE RELAXED UNKNOWN",
            "instrument": "arrival_scatter_us rows_tolerance_us",
            "kernels": "compile_kernels Kernels PLAIN",
            "measures": "measure_intervals Measured",
            "partners": "ALONE",
            "tempo": "running_median",
            "weights": "chance_of margin_of Margins",
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
    "Explanation",
    "Hypothesis",
    "Inference",
    "Kernels",
    "Margins",
    "Measured",
    "arrival_scatter_us",
    "chance_of",
    "compile_kernels",
    "explain_frame",
    "infer",
    "margin_of",
    "measure_intervals",
    "order_of_taking",
    "rows_tolerance_us",
    "running_median",
]
