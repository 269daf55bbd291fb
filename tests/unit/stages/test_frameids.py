from collections.abc import Iterable
from dataclasses import replace

import pytest

from tests.support.builders.headers import card, framelist, settings
from tests.support.fakes.fake_night_reader import FakeNightReader
from vampd.config import Authority
from vampd.errors import FrameIdConflict
from vampd.model.cubes import Framelist, Generation, Product, SyncCounts, stamp_frame_id
from vampd.model.frame_ids import BoundId, FrameId
from vampd.model.nights import Kind, NightId
from vampd.model.plan import (
    MarkApplied,
    Plan,
    RebuildFramelists,
    ReserveFrameIds,
    Retire,
    StampFrameId,
    WriteText,
)
from vampd.model.proofs import PackingReceipt
from vampd.stages import frameids

NIGHT = NightId("20251106", Kind.ARCHIVE)
FIRST = 90_000_001


def plan(reader: FakeNightReader, night: NightId = NIGHT) -> Plan:
    return frameids.plan(frameids.survey(night, reader), settings())


def bind(
    reader: FakeNightReader, *products: Framelist, first: int = FIRST, applied: bool = False
) -> None:
    for number, product in enumerate(products, start=first):
        reader.bound[product.identity] = BoundId(product.identity, FrameId(number), applied)


def pack(reader: FakeNightReader, product: Framelist) -> None:
    """The product is packed and its framelist retired."""
    reader.write(product.packed_path, b"packed")
    reader.write(product.sidecar_path, b"rows")
    reader.identities[product.packed_path] = product.identity
    reader.framelists.pop(product.path, None)


def night_of(*framelists: Framelist) -> FakeNightReader:
    reader = FakeNightReader()
    for one in framelists:
        reader.add_framelist(one)
    return reader


def execute(reader: FakeNightReader, plan: Plan, highest: int = FIRST - 1) -> None:
    """What the daemon does with this stage's actions; a reservation continues behind `highest`."""
    for action in (action for wave in plan.waves for action in wave):
        match action:
            case ReserveFrameIds(identities):
                for number, identity in enumerate(identities, start=highest + 1):
                    reader.bound[identity] = BoundId(identity, FrameId(number), applied=False)
            case StampFrameId(path, _, frame_id):
                reader.add_framelist(stamp_frame_id(reader.framelists[path], frame_id))
            case MarkApplied(frame_ids):
                for bound in list(reader.bound.values()):
                    if bound.frame_id in frame_ids:
                        reader.mark_applied(bound.identity)
            case WriteText(path, text):
                reader.write(path, text)
            case Retire(path, kept_as):
                assert kept_as in reader.framelists
                reader.retire(path)
            case _:
                raise AssertionError(action)


def settle(reader: FakeNightReader, highest: int = FIRST - 1) -> list[Plan]:
    """Survey, plan, execute until nothing is left; no plan may come twice."""
    plans: list[Plan] = []
    while found := plan(reader):
        assert found not in plans
        plans.append(found)
        execute(reader, found, highest)
    return plans


def id_order(reader: FakeNightReader, framelists: Iterable[Framelist]) -> list[str]:
    """Names before stamping, in the order of their IDs."""
    return [
        one.name for one in sorted(framelists, key=lambda one: reader.bound[one.identity].frame_id)
    ]


EARLY = framelist("early", first_us=1, start=9)
LATER = framelist("later", first_us=2, start=3)
LATEST = framelist("latest", first_us=3, start=6)


def test_nothing_is_stamped_before_every_cube_has_a_bound_id():
    reader = night_of(LATER, EARLY)
    bind(reader, LATER)
    assert plan(reader) == Plan.of([ReserveFrameIds((EARLY.identity,))])


def test_ids_follow_first_acquisition_then_camera_then_state_and_never_the_name():
    in_order = [
        framelist("z", first_us=1, camera=1, flc_state="A", start=1),
        framelist("y", first_us=1, camera=1, flc_state="B", start=2),
        framelist("x", first_us=1, camera=1, flc_state="D", start=3),
        framelist("w", first_us=1, camera=2, flc_state="", start=4),
        framelist("v", first_us=1, camera=2, flc_state="A", start=5),
        framelist("u", first_us=2, camera=1, flc_state="", start=6),
        # Seconds after ten past nine sort behind as text, and microseconds are numbers.
        framelist("t", first_us=10, camera=1, flc_state="", start=7),
    ]
    for arrangement in (in_order, in_order[::-1]):
        reader = night_of(*arrangement)
        assert plan(reader) == Plan.of([ReserveFrameIds(tuple(one.identity for one in in_order))])


def test_cubes_of_equal_order_are_ordered_by_identity():
    twins = [framelist("a", start=1), framelist("b", start=2)]
    reader = night_of(*twins)
    expected = tuple(sorted(one.identity for one in twins))
    assert plan(reader) == Plan.of([ReserveFrameIds(expected)])


def test_a_bound_cube_is_stamped_then_marked_and_its_old_framelist_retired_then_nothing():
    reader = night_of(EARLY, LATER)
    bind(reader, EARLY, LATER)
    stamps = [
        StampFrameId(EARLY.path, EARLY.identity, FrameId(FIRST)),
        StampFrameId(LATER.path, LATER.identity, FrameId(FIRST + 1)),
    ]
    marks = [MarkApplied((FrameId(FIRST), FrameId(FIRST + 1)))]
    retired = [
        Retire(EARLY.path, "vgen2/VMPA90000001.framelist"),
        Retire(LATER.path, "vgen2/VMPA90000002.framelist"),
    ]
    assert settle(reader) == [Plan.of(stamps), Plan.of(marks, retired)]
    assert sorted(reader.framelists) == [retire.kept_as for retire in retired]


def test_stamping_does_not_wait_for_a_framelist_that_a_crash_left_behind():
    stamped = stamp_frame_id(EARLY, FrameId(FIRST))
    reader = night_of(EARLY, stamped, LATER)
    bind(reader, EARLY, LATER)
    assert plan(reader) == Plan.of(
        [StampFrameId(LATER.path, LATER.identity, FrameId(FIRST + 1))],
        [MarkApplied((FrameId(FIRST),))],
        [Retire(EARLY.path, stamped.path)],
    )


def test_a_crash_after_any_action_ends_in_the_same_night():
    def fresh() -> FakeNightReader:
        return night_of(LATEST, EARLY, LATER)

    whole = fresh()
    actions = sum(len(found) for found in settle(whole))
    assert actions == 1 + 3 + 1 + 3
    for killed_after in range(actions):
        reader, left = fresh(), killed_after
        while left:
            found = plan(reader)
            for action in [action for wave in found.waves for action in wave][:left]:
                execute(reader, Plan.of([action]))
                left -= 1
        settle(reader)
        assert (reader.framelists, reader.bound) == (whole.framelists, whole.bound)


def test_an_id_is_marked_only_when_its_product_carries_it():
    reader = night_of(EARLY)
    bind(reader, EARLY, LATER)
    assert plan(reader) == Plan.of([StampFrameId(EARLY.path, EARLY.identity, FrameId(FIRST))])


def test_a_packed_product_carries_its_id_also_without_its_framelist():
    reader = night_of()
    bind(reader, EARLY, LATER)
    pack(reader, stamp_frame_id(EARLY, FrameId(FIRST)))
    assert plan(reader) == Plan.of([MarkApplied((FrameId(FIRST),))])


def test_late_cubes_come_after_the_packed_ones_and_change_no_id():
    reader = night_of(LATER, LATEST)
    settle(reader)
    for path in list(reader.framelists):
        pack(reader, reader.framelists[path])
    before = dict(reader.bound)
    assert not plan(reader)
    reader.add_framelist(EARLY)
    assert plan(reader) == Plan.of([ReserveFrameIds((EARLY.identity,))])
    settle(reader, highest=FIRST + 1)
    assert id_order(reader, [EARLY, LATER, LATEST]) == ["later", "latest", "early"]
    assert {identity: reader.bound[identity] for identity in before} == before


def test_two_framelists_of_one_cube_get_one_id():
    twin = replace(EARLY, name="twin")
    reader = night_of(EARLY, twin)
    assert plan(reader) == Plan.of([ReserveFrameIds((EARLY.identity,))])
    settle(reader)
    assert sorted(reader.framelists) == ["vgen2/VMPA90000001.framelist"]


def test_an_engineering_night_gets_no_ids():
    reader = night_of(EARLY)
    assert plan(reader, NightId("20251106", Kind.ENGINEERING)) == Plan()


def test_a_night_without_products_is_done():
    assert plan(FakeNightReader()) == Plan()


def carrying(text: str) -> Framelist:
    return EARLY.renamed(EARLY.name, EARLY.cards.replaced([card(text)]))


@pytest.mark.parametrize(
    "text",
    [
        "FRAMEID = 'VMPA00000007'",
        "FRAMEID = 'VMPQ90000001'",
        "FRAMEID = 7",
        "FRAMEID = T",
        "FRAMEID = nan",
    ],
)
def test_a_cube_that_carries_an_id_other_than_its_own_is_a_conflict(text):
    reader = night_of(carrying(text))
    with pytest.raises(FrameIdConflict, match="carries FRAMEID"):
        plan(reader)
    bind(reader, EARLY)
    with pytest.raises(FrameIdConflict, match="binds VMPA90000001"):
        plan(reader)


@pytest.mark.parametrize("text", ["FRAMEID = ''", "FRAMEID = '   '", "FRAMEID ="])
def test_an_empty_frameid_is_no_id(text):
    reader = night_of(carrying(text))
    assert plan(reader) == Plan.of([ReserveFrameIds((EARLY.identity,))])


def test_a_cube_that_carries_its_own_id_under_its_old_name_is_stamped():
    reader = night_of(carrying("FRAMEID = 'VMPA90000001'"))
    bind(reader, EARLY)
    assert plan(reader) == Plan.of([StampFrameId(EARLY.path, EARLY.identity, FrameId(FIRST))])


STAMPED = stamp_frame_id(EARLY, FrameId(FIRST))


@pytest.mark.parametrize(
    "odd",
    [
        EARLY.renamed("VMPA90000001", EARLY.cards),
        EARLY.renamed("VMPA90000002", EARLY.cards),
        EARLY.renamed("VMPQ90000001", EARLY.cards),
        STAMPED.renamed("VMPA90000002", STAMPED.cards),
        STAMPED.renamed(STAMPED.name, STAMPED.cards.with_value("EXP-ID", "VMPE90000002")),
        STAMPED.renamed(STAMPED.name, STAMPED.cards.with_value("EXP-ID", "")),
    ],
)
def test_a_name_that_disagrees_with_ledger_or_cards_is_a_conflict(odd):
    reader = night_of(odd)
    bind(reader, EARLY)
    with pytest.raises(FrameIdConflict) as caught:
        plan(reader)
    assert caught.value.code == "frame_id_conflict"
    assert odd.path in caught.value.message


def test_a_ledger_that_has_forgotten_a_stamped_cube_grants_nothing():
    reader = night_of(STAMPED, LATER)
    with pytest.raises(FrameIdConflict, match="binds none"):
        plan(reader)


@pytest.mark.parametrize("product", [EARLY, stamp_frame_id(EARLY, FrameId(FIRST + 1))])
def test_a_packed_product_under_another_name_than_its_id_is_a_conflict(product):
    reader = night_of(LATER)
    pack(reader, product)
    with pytest.raises(FrameIdConflict, match=product.packed_path):
        plan(reader)
    bind(reader, EARLY)
    with pytest.raises(FrameIdConflict, match=product.packed_path):
        plan(reader)


def test_one_id_bound_to_two_cubes_is_a_conflict():
    reader = night_of(EARLY, LATER)
    bind(reader, EARLY)
    bind(reader, LATER)
    with pytest.raises(FrameIdConflict, match="VMPA90000001 to 2 cubes"):
        plan(reader)


def generation_of(*framelists: Framelist, number: int = 1) -> Generation:
    products = tuple(
        Product(one.name, one.order, True, one.ranges, (), 1, 1, 1, 0, 0) for one in framelists
    )
    return Generation(number, "1", (), products, (), SyncCounts())


def test_the_names_are_reported_when_every_cube_carries_its_id_and_not_before():
    reader = night_of(EARLY, LATER)
    reader.committed.append(generation_of(LATER, EARLY))
    plans = settle(reader)
    shown = "early.fits\tVMPA90000001.fits\nlater.fits\tVMPA90000002.fits\n"
    assert [frameids.NAME_CHANGES_PATH in repr(found) for found in plans] == [False, False, True]
    assert plans[-1].waves[-1][-1] == WriteText(frameids.NAME_CHANGES_PATH, shown)
    assert reader.text(NIGHT, frameids.NAME_CHANGES_PATH) == shown
    assert not plan(reader)


def test_names_of_late_cubes_are_appended_also_when_the_others_are_packed_or_gone():
    reader = night_of(LATER, LATEST)
    reader.committed.append(generation_of(LATER, LATEST))
    settle(reader)
    before = reader.text(NIGHT, frameids.NAME_CHANGES_PATH)
    pack(reader, stamp_frame_id(LATER, FrameId(FIRST)))
    reader.framelists.clear()
    gone = f"vgen2/{FrameId(FIRST + 1)}.fits.fz"
    reader.record(PackingReceipt(gone, 1, "0" * 64, LATEST.identity))
    reader.committed.append(generation_of(EARLY, number=2))
    reader.add_framelist(EARLY)
    settle(reader, highest=FIRST + 1)
    after = reader.text(NIGHT, frameids.NAME_CHANGES_PATH)
    assert after == f"{before}early.fits\tVMPA90000003.fits\n"


def test_a_framelist_that_was_lost_is_made_again_before_its_neighbors_get_ids():
    reader = night_of(LATER)
    reader.committed.append(generation_of(EARLY, LATER))
    (lost,) = plan(reader).waves[0]
    assert isinstance(lost, RebuildFramelists)
    assert [product.identity for product in lost.products] == [EARLY.identity]
    assert len(plan(reader).waves) == 1
    reader.add_framelist(EARLY)
    assert isinstance(plan(reader).waves[0][0], ReserveFrameIds)


def test_name_changes_that_were_lost_are_written_again_to_the_byte():
    reader = night_of(EARLY, LATER)
    reader.committed.append(generation_of(LATER, EARLY))
    settle(reader)
    shown = reader.tree.pop(frameids.NAME_CHANGES_PATH).content
    settle(reader)
    assert reader.tree[frameids.NAME_CHANGES_PATH].content == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("early.fits\tVMPA90000009.fits\n", "became VMPA90000009"),
        ("other.fits\tVMPA90000001.fits\n", "other became VMPA90000001"),
        ("no line of ours\n", "is damaged"),
    ],
)
def test_name_changes_that_show_otherwise_are_a_conflict_and_stay(text, shown):
    reader = night_of(EARLY)
    reader.committed.append(generation_of(EARLY))
    reader.write(frameids.NAME_CHANGES_PATH, text)
    with pytest.raises(FrameIdConflict, match=shown):
        settle(reader)
    assert reader.text(NIGHT, frameids.NAME_CHANGES_PATH) == text


@pytest.mark.parametrize(
    ("authority", "first", "warned"),
    [
        ("local", "VMPA00425000", True),
        ("local", "VMPA69999999", True),
        ("local", "VMPA70000000", False),
        ("local", "VMPA90000001", False),
        ("gen2", "VMPA00425000", False),
    ],
)
def test_numbers_that_look_raw_while_the_authority_is_local_are_a_warning(authority, first, warned):
    survey = frameids.survey(NIGHT, night_of(EARLY))
    chosen = settings()
    table = chosen.frameids.model_copy(update={"authority": Authority(authority), "first": first})
    planned = frameids.plan(survey, chosen.model_copy(update={"frameids": table}))
    assert [remark.code for remark in planned.remarks] == ["local_looks_raw"] * warned
    assert planned == Plan.of([ReserveFrameIds((EARLY.identity,))])
