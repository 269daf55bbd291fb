"""Reading what others could have put there: links, listings, digests, open files."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.disk.reading.digest import (
        CHUNK_BYTES,
        hash_file,
        read_digests,
    )
    from vampd.disk.reading.foreign_file import (
        LINK_FOUND,
        MOST_TEXT_BYTES,
        can_read_whole,
        link_found,
        named_by_person,
        open_foreign,
        open_unlinked,
        read_foreign_text,
        read_to_end,
        read_whole,
        refuse_longer,
        require_regular,
    )
    from vampd.disk.reading.listing import (
        MOST_FILES,
        file_behind,
        is_hollow,
        link_target,
        list_files,
        list_hollow_files,
        list_raw_beside,
        list_raw_files,
        list_raw_folders,
        list_raw_links,
        raw_of_link,
        refuse_links,
        stamp_of,
        too_many,
    )
    from vampd.disk.reading.raw_file import open_raw
    from vampd.disk.reading.twins import find_twin
    from vampd.disk.reading.unchanged import UnchangedFiles
    from vampd.disk.reading.writers import has_writers, is_locked_by_others
else:
    __getattr__ = show(
        __name__,
        {
            "digest": ("CHUNK_BYTES hash_file read_digests"),
            "foreign_file": (
                "can_read_whole LINK_FOUND link_found MOST_TEXT_BYTES "
                "named_by_person open_foreign open_unlinked read_foreign_text "
                "read_to_end read_whole refuse_longer require_regular"
            ),
            "listing": (
                "file_behind is_hollow link_target list_files list_hollow_files "
                "list_raw_beside list_raw_files list_raw_folders list_raw_links MOST_FILES "
                "raw_of_link refuse_links stamp_of too_many"
            ),
            "raw_file": "open_raw",
            "twins": "find_twin",
            "unchanged": "UnchangedFiles",
            "writers": "has_writers is_locked_by_others",
        },
    )

__all__ = [
    "CHUNK_BYTES",
    "LINK_FOUND",
    "MOST_FILES",
    "MOST_TEXT_BYTES",
    "UnchangedFiles",
    "can_read_whole",
    "file_behind",
    "find_twin",
    "has_writers",
    "hash_file",
    "is_hollow",
    "is_locked_by_others",
    "link_found",
    "link_target",
    "list_files",
    "list_hollow_files",
    "list_raw_beside",
    "list_raw_files",
    "list_raw_folders",
    "list_raw_links",
    "named_by_person",
    "open_foreign",
    "open_raw",
    "open_unlinked",
    "raw_of_link",
    "read_digests",
    "read_foreign_text",
    "read_to_end",
    "read_whole",
    "refuse_links",
    "refuse_longer",
    "require_regular",
    "stamp_of",
    "too_many",
]
