"""name_changes.txt: as the old tools wrote it, and a function of the changes alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.errors import DataError
from vampd.model.frame_ids import FrameId, NameChange, format_name_changes, parse_name_changes

CHANGES = st.lists(
    st.builds(
        NameChange,
        st.text(st.characters(codec="ascii", exclude_categories=["C", "Z"]), min_size=1).filter(
            lambda name: not name.endswith((".fits", ".fz"))
        ),
        st.builds(FrameId, st.integers(0, 10**8 - 1)),
    ),
    unique_by=lambda change: change.frame_id,
)


def test_a_line_is_the_old_name_a_tab_and_the_new_one_both_of_plain_cubes():
    changes = [
        NameChange("vcam2_10:21:00.000001", FrameId(90_000_002)),
        NameChange("vsync_10:20:00.509073.cam1.A", FrameId(90_000_001)),
    ]
    assert format_name_changes(changes) == (
        "vsync_10:20:00.509073.cam1.A.fits\tVMPA90000001.fits\n"
        "vcam2_10:21:00.000001.fits\tVMPA90000002.fits\n"
    )


@given(CHANGES, st.data())
def test_the_text_depends_on_the_changes_and_not_on_their_order_and_is_read_back(changes, choice):
    text = format_name_changes(changes)
    assert format_name_changes(choice.draw(st.permutations(changes))) == text
    assert set(parse_name_changes(text)) == set(changes)
    assert set(parse_name_changes(text.replace("\n", "\r\n"))) == set(changes)


@given(CHANGES, st.text("abc", min_size=1))
def test_a_late_cube_is_appended(changes, name):
    highest = max((change.frame_id.number for change in changes), default=-1)
    if highest < 10**8 - 1:
        late = NameChange(name, FrameId(highest + 1))
        assert format_name_changes([late, *changes]).startswith(format_name_changes(changes))


@pytest.mark.parametrize("text", ["a.fits VMPA00000001.fits\n", "a\tb\n", "\tVMPA00000001.fits\n"])
def test_a_line_that_is_no_change_is_named(text):
    with pytest.raises(DataError, match="line 2") as error:
        parse_name_changes(f"a.fits\tVMPA00000002.fits\n{text}")
    assert error.value.code == "name_changes_damaged"
