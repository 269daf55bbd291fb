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
    from vampd.disk.durable.hidden_names import (
        damaged_names,
        forget_damaged,
        keep_hidden,
        put_away,
    )
    from vampd.disk.durable.mark import place_mark_file, read_mark_file
    from vampd.disk.durable.names import (
        create_file,
        exchange,
        link,
        link_softly,
        make_folder_here,
        names_in,
        open_to_append,
        opened_folder,
        remove_empty,
        remove_tree,
        rename,
        unlink,
    )
    from vampd.disk.durable.once_marker import (
        marker_value,
        markers_in,
        place_marker,
        remove_marker,
    )
else:
    __getattr__ = show(
        __name__,
        {
            "names": (
                "create_file exchange link link_softly make_folder_here "
                "names_in open_to_append opened_folder remove_empty remove_tree "
                "rename unlink"
            ),
            "atomic": (
                "creating fsync_folder link_durably make_folder refuse_existing "
                "remove_durably remove_leftovers replacing replacing_one_of_many scratch "
                "sync_file translating_full_disk wait_until_writers_exit"
            ),
            "hidden_names": "damaged_names forget_damaged keep_hidden put_away",
            "mark": "place_mark_file read_mark_file",
            "once_marker": "marker_value markers_in place_marker remove_marker",
        },
    )

__all__ = [
    "create_file",
    "creating",
    "damaged_names",
    "exchange",
    "forget_damaged",
    "fsync_folder",
    "keep_hidden",
    "link",
    "link_durably",
    "link_softly",
    "make_folder",
    "make_folder_here",
    "marker_value",
    "markers_in",
    "names_in",
    "open_to_append",
    "opened_folder",
    "place_mark_file",
    "place_marker",
    "put_away",
    "read_mark_file",
    "refuse_existing",
    "remove_durably",
    "remove_empty",
    "remove_leftovers",
    "remove_marker",
    "remove_tree",
    "rename",
    "replacing",
    "replacing_one_of_many",
    "scratch",
    "sync_file",
    "translating_full_disk",
    "unlink",
    "wait_until_writers_exit",
]
