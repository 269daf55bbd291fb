"""Raw cubes: checked, counted, and streamed frame by frame."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.fits.raw.frame_count import count_frames, count_readable_frames
    from vampd.fits.raw.frames import BATCH_BYTES, frames_a_batch, locate_frame, stream_frames
    from vampd.fits.raw.rawcube import check_packable, layout_of_int16, read_raw_cube
else:
    __getattr__ = show(
        __name__,
        {
            "frame_count": "count_frames count_readable_frames",
            "frames": "BATCH_BYTES frames_a_batch locate_frame stream_frames",
            "rawcube": "check_packable layout_of_int16 read_raw_cube",
        },
    )

__all__ = [
    "BATCH_BYTES",
    "check_packable",
    "count_frames",
    "count_readable_frames",
    "frames_a_batch",
    "layout_of_int16",
    "locate_frame",
    "read_raw_cube",
    "stream_frames",
]
