"""Names that appear when their file is whole, and survive a power cut."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.disk.durable.atomic import (
        creating,
        fsync_folder,
        link_durably,
        make_folder,
        refuse_existing,
        remove_durably,
        remove_leftovers,
        replacing,
        replacing_one_of_many,
        scratch,
        sync_file,
        translating_full_disk,
        wait_until_writers_exit,
    )
    from vampd.disk.durable.mark import place_mark_file, read_mark_file
    from vampd.disk.durable.once_marker import marker_value, place_marker, remove_marker
else:
    __getattr__ = show(
        __name__,
        {
            "atomic": (
                "creating fsync_folder link_durably make_folder refuse_existing "
                "remove_durably remove_leftovers replacing replacing_one_of_many scratch "
                "sync_file translating_full_disk wait_until_writers_exit"
            ),
            "mark": "place_mark_file read_mark_file",
            "once_marker": "marker_value place_marker remove_marker",
        },
    )

__all__ = [
    "creating",
    "fsync_folder",
    "link_durably",
    "make_folder",
    "marker_value",
    "place_mark_file",
    "place_marker",
    "read_mark_file",
    "refuse_existing",
    "remove_durably",
    "remove_leftovers",
    "remove_marker",
    "replacing",
    "replacing_one_of_many",
    "scratch",
    "sync_file",
    "translating_full_disk",
    "wait_until_writers_exit",
]
