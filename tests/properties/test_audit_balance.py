"""However a night is shared out, it balances; whatever one thing is then changed, it does not."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.flow import differences
from vampd.model.accounts import CountedCube, CountedProduct, audit_night
from vampd.model.cubes import (
    CubeAccount,
    Generation,
    Product,
    ProductOrder,
    SetAside,
    SyncCounts,
    compress_frames,
)
from vampd.model.nights import FLC_STATES, FileStamp, read_frame_flow, write_frame_flow
from vampd.model.sync import follow_frames


@st.composite
def shared_nights(
    draw: st.DrawFn,
) -> tuple[list[CountedCube], list[CountedProduct], list[CountedProduct], Generation]:
    """Cubes whose frames go to products at random or are set aside; some products are packed."""
    accounts, aside, raw, products = [], [], [], []
    for number in range(draw(st.integers(1, 4))):
        path, frames = f"vcam1/c{number}.fits", draw(st.integers(1, 12))
        stamp = FileStamp(path, 0, 0)
        accounts.append(CubeAccount(stamp, None, frames))
        raw.append(CountedCube(path, frames))
        owners = draw(st.lists(st.integers(0, 2), min_size=frames, max_size=frames))
        if draw(st.booleans()):
            code = draw(st.sampled_from(["timing_rows", "timing_cut"]))
            aside.append(SetAside(stamp, None, frames, code, "why"))
            continue
        for owner in set(owners):
            mine = [frame for frame, one in enumerate(owners) if one == owner]
            ranges = tuple(compress_frames(path, mine))
            name = f"c{number}.{owner}"
            order = ProductOrder(0, 1, draw(st.sampled_from(FLC_STATES)))
            is_paired = draw(st.booleans())
            products.append(Product(name, order, is_paired, ranges, (), 0, 0, 0, 0, 0))
    split = draw(st.integers(0, len(products)))
    counted = [CountedProduct(p.name, p.frames, p.identity) for p in products]
    generation = Generation(1, "0", tuple(accounts), tuple(products), tuple(aside), SyncCounts())
    return raw, counted[:split], counted[split:], generation


@given(shared_nights())
def test_every_sharing_balances(night) -> None:
    raw, packed, framelists, generation = night
    audit = audit_night(raw, packed, framelists, [generation])
    assert audit.balanced, audit.findings


@given(shared_nights())
def test_the_flow_of_frames_has_the_sums_of_the_audit(night) -> None:
    raw, packed, framelists, generation = night
    flow = follow_frames((generation,))
    assert differences(flow, audit_night(raw, packed, framelists, [generation])) == {}
    assert read_frame_flow(write_frame_flow(flow)) == flow


@given(shared_nights(), st.data())
def test_one_file_less_never_balances(night, data: st.DataObject) -> None:
    raw, packed, framelists, generation = night
    files = data.draw(st.sampled_from([part for part in (raw, packed, framelists) if part]))
    files.pop(data.draw(st.integers(0, len(files) - 1)))
    assert not audit_night(raw, packed, framelists, [generation]).balanced


@given(shared_nights(), st.data(), st.integers(-3, 3).filter(bool))
def test_one_count_that_differs_never_balances(night, data: st.DataObject, by: int) -> None:
    raw, packed, framelists, generation = night
    files = data.draw(st.sampled_from([part for part in (raw, packed, framelists) if part]))
    at = data.draw(st.integers(0, len(files) - 1))
    old = files[at]
    files[at] = (
        CountedCube(old.path, old.frames + by)
        if isinstance(old, CountedCube)
        else CountedProduct(old.path, old.frames + by, old.identity)
    )
    assert not audit_night(raw, packed, framelists, [generation]).balanced
