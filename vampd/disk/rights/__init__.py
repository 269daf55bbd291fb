"""Whose files are, and who may do what with them."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.disk.rights.camera_streams import (
        find_archive_night,
        find_camera_stream,
        find_night_around,
        find_stream_around,
    )
    from vampd.disk.rights.owner import become_owner
    from vampd.disk.rights.ownership import (
        PRIVATE,
        PUBLIC,
        PUBLIC_UMASK,
        READABLE,
        close_to_others,
        give_to_owner,
        is_trusted,
        make_private_folder,
        make_state_folder,
        public_umask,
        reserve_writing,
    )
    from vampd.disk.rights.permission import Obstacle, find_obstacles
    from vampd.disk.rights.request_folder import (
        MOST_KEPT,
        MOST_LOOKED,
        MOST_OF_ONE,
        claim_request,
        claimed_ids,
        is_being_placed,
        place_request,
        read_request,
        remove_request,
        remove_strangers,
        remove_surplus,
        request_ids,
        take_back_request,
        writer_of,
    )
    from vampd.disk.rights.request_place import (
        RequestPlace,
        claimed_folder,
        find_folder_fault,
        prepare_request_folder,
    )
else:
    __getattr__ = show(
        __name__,
        {
            "camera_streams": (
                "find_archive_night find_camera_stream find_night_around find_stream_around"
            ),
            "owner": "become_owner",
            "ownership": (
                "close_to_others give_to_owner is_trusted make_private_folder "
                "make_state_folder PRIVATE PUBLIC PUBLIC_UMASK public_umask READABLE "
                "reserve_writing"
            ),
            "permission": "find_obstacles Obstacle",
            "request_folder": (
                "claim_request claimed_ids is_being_placed "
                "place_request read_request remove_request "
                "MOST_KEPT MOST_LOOKED MOST_OF_ONE remove_strangers remove_surplus request_ids "
                "take_back_request writer_of"
            ),
            "request_place": (
                "claimed_folder find_folder_fault prepare_request_folder RequestPlace"
            ),
        },
    )

__all__ = [
    "MOST_KEPT",
    "MOST_LOOKED",
    "MOST_OF_ONE",
    "PRIVATE",
    "PUBLIC",
    "PUBLIC_UMASK",
    "READABLE",
    "Obstacle",
    "RequestPlace",
    "become_owner",
    "claim_request",
    "claimed_folder",
    "claimed_ids",
    "close_to_others",
    "find_archive_night",
    "find_camera_stream",
    "find_folder_fault",
    "find_night_around",
    "find_obstacles",
    "find_stream_around",
    "give_to_owner",
    "is_being_placed",
    "is_trusted",
    "make_private_folder",
    "make_state_folder",
    "place_request",
    "prepare_request_folder",
    "public_umask",
    "read_request",
    "remove_request",
    "remove_strangers",
    "remove_surplus",
    "request_ids",
    "reserve_writing",
    "take_back_request",
    "writer_of",
]
