"""The flow of a night's frames, held against the audit that counts them from the files."""

from collections import Counter

from vampd.model.accounts import Audit
from vampd.model.nights import FrameFlow


def differences(flow: FrameFlow, audit: Audit) -> dict[str, tuple[object, object]]:
    """What the flow says otherwise than an audit, by name: both values."""
    aside_frames, aside_cubes = Counter[str](), Counter[str]()
    for cube in audit.rejected:
        aside_frames[cube.code] += cube.frames
        aside_cubes[cube.code] += 1
    said = {
        "raw": (flow.raw, audit.raw_frames),
        "in products": (flow.in_products, audit.product_frames + audit.framelist_frames),
        "products": (flow.products, audit.packed_products + audit.framelists),
        "set aside": (flow.set_aside, audit.rejected_frames),
        "frames by reason": ({c: one.frames for c, one in flow.aside.items()}, dict(aside_frames)),
        "cubes by reason": ({c: one.cubes for c, one in flow.aside.items()}, dict(aside_cubes)),
        "certain": (flow.is_certain, audit.is_certain),
        "balanced": (flow.is_balanced, True),
    }
    return {name: values for name, values in said.items() if values[0] != values[1]}
