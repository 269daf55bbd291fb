"""Why a raw cube is set aside, and what is wrong with files of frames."""

CUBES = """
unfinished
    The logger never finished the cube: it still has its temporary name.
    Nothing; a file that gets its name later is late data.
unreadable
    It is not a regular file, or could not be read and a person let the night go on without it.
    Make it readable; it is then processed as late data.
decision_lost
    The decision on these frames was lost with its generation, and no product holds them.
    Nothing; they are kept, and travel with their cube.
link
    The cube, or its timing file, is a link that leads to no file of the same night.
    Put the file itself in its place; it is then processed as late data.
timing_unreadable
    The timing file cannot be opened or read.
    Make it readable; the cube is looked at again when the file changes.
name_unusable
    The file name holds control characters or is not UTF-8.
    Rename the file, and its timing file.
not_fits
    The file does not begin as FITS.
    Nothing; it is kept as it is, and sent under `vbad/`.
unknown_form
    The file is no plain cube: compressed, or under another name beside its timing file.
    Decompress or rename it in its stream; it is then processed as late data.
header_malformed
    The header is broken: no END, or structural cards out of order or without their values.
    Nothing; it is kept as it is.
not_a_cube
    The primary image has not two or three axes.
    Nothing; if it is compressed, `vampctl unpack FILE -o DIR`, and put the plain cube in its place.
no_frames
    The cube is empty.
    Nothing.
axes_absurd
    The header describes more than 1 TB: it is damaged.
    Nothing; the frames are counted otherwise.
not_uint16
    The pixels are not unsigned 16-bit integers.
    Nothing; vampd packs what the cameras write.
not_int16
    The pixels are not 16-bit integers.
    Use fpack for other files.
fits_truncated
    The file is shorter than its header says: NAXIS3 promises frames that it does not hold.
    Nothing; what is there is kept.
fits_too_long
    The file is longer than its header says.
    Nothing; what is there is kept.
header_unpackable
    A card of the header has a meaning of its own in a packed file.
    Rename or remove the card in a copy.
wrong_camera
    `U_CAMERA` names the other camera.
    Move the cube to the stream of its camera.
exptime_missing
    The header has no EXPTIME.
    Nothing.
exptime_invalid
    EXPTIME is not a number of seconds within a day.
    Nothing.
timing_missing
    There is no timing file beside the cube.
    Bring it back; the cube is then processed as late data.
timing_empty
    The timing file has no rows.
    As for a missing one.
timing_too_long
    The timing file is far longer than that of this cube can be.
    Find out what wrote it.
timing_cut
    The last line of the timing file does not end.
    Bring the whole file back, if there is one.
timing_six_columns
    The timing file is of the old logger, without acquisition times.
    Nothing.
timing_columns
    A row has more or fewer than seven columns.
    Nothing; a corrected file is processed as late data.
timing_nan
    A row holds NaN.
    Nothing; a corrected file is processed as late data.
timing_malformed
    A row cannot be read.
    Nothing; a corrected file is processed as late data.
timing_rows
    The timing file has not one row per frame.
    Nothing; a corrected file is processed as late data.
timing_order
    The frame indices do not rise by one.
    Nothing; a corrected file is processed as late data.
timing_duplicated
    Two rows have one frame index.
    Nothing; a corrected file is processed as late data.
timing_backwards
    Acquisition times go backwards in many rows, while the logging times go on.
    Nothing; a corrected file is processed as late data.
acquisition_time_absurd
    Times in column 5 are absent (0.0) or of another clock: in single rows, or in all of the cube.
    Nothing: a row costs its frame. `vbad/reasons.tsv` names the rows, or what the times contradict.
duplicate_cube
    Its frames are in another cube of the same camera.
    Nothing.
overlaps_cube
    Its times overlap those of another cube of the same camera.
    Find out which of the two is right.
being_written
    A camera still writes the cube.
    Nothing.
mostly_holes
    A set-aside file claims gigabytes and holds nearly none of them.
    Nothing; it stays here and is not sent. Find out what wrote it.
sync_remark
    sync noticed something that did not keep it from a decision.
    Read the remark; `vampctl summary NIGHT` shows the night.
dubious_ambiguous
    The FLC state of these frames is not certain.
    Nothing; they are in products of their own, marked D.
raw_changed
    A raw file is not what the products were made from, or changed while it was read.
    Put it back and `vampctl retry NIGHT`; or `vampctl release NIGHT` keeps the products.
corrections_malformed
    A line of `corrections.tsv` is wrong in itself: columns, time, value, or a card not allowed.
    Mend the line, then `vampctl retry NIGHT --from sync`; nothing of the file was applied.
correction_disagrees
    A correction does not fit: no cube is meant, the old value is another, two lines differ.
    Mend the line, then `vampctl retry NIGHT --from sync`; nothing of the file was applied.
corrections_changed
    `corrections.tsv` is not what sync decided with.
    `vampctl retry NIGHT --from sync`; once packed, put it back, or `vampctl restore NIGHT`.
correction_proposed
    `corrections.tsv` is not the owner's own, or others may write it: it is not believed.
    The owner takes it over with `vampctl correct NIGHT --accept`, or moves it away.
raw_gone
    A raw file that is needed is gone.
    Bring it back; products come from the archive copy by `vampctl recover NIGHT`.
raw_unreadable
    A raw file cannot be read as it was when sync used it.
    Look at its disk; `vampctl retry NIGHT`; products come back by `vampctl recover NIGHT`.
frames_unlike
    A raw cube does not hold the frames that sync has seen.
    Find out what changed it.
source_missing
    A framelist does not say what its raw cube was like.
    `vampctl retry NIGHT --from sync`.
has_extensions
    The file has more than its primary image.
    Use fpack for such files.
no_pixels
    The primary image of the file holds no plain cube.
    It may be packed already.
not_packed
    The file is no product of vampd, or ends too early.
    Try funpack on it.
tile_damaged
    A packed frame cannot be decoded: the file is damaged.
    `vampctl recover NIGHT` gets it back.
pack_mismatch
    A product did not come back from the disk as it was packed, and was not named.
    Check memory and disk of this machine; `vampctl retry NIGHT`.
write_mismatch
    A file did not come back from the disk as it was written, and was not kept.
    Check memory and disk of this machine.
data_sum_disagrees
    The data are not those that the header's DATASUM was written for.
    Find out what changed them.
read_only
    The file is write-protected.
    `chmod u+w FILE`, if it may be changed.
raw_is_sacred
    A command was to write into a camera stream.
    Copy the file out of the night and change the copy.
no_packed_name
    The name of the file does not say that it is packed.
    Name a `.fits.fz` file; of a cube that a logger compressed, pass `-o DIR`.
framelist_damaged
    A framelist cannot be read.
    Move it away; `vampctl retry NIGHT` makes it again.
framelist_contradicts_itself
    A framelist's cards do not describe its frames.
    Report it; `vampctl retry NIGHT --from sync` writes it again.
edit_mismatch
    A framelist changed between survey and edit.
    `vampctl retry NIGHT`.
partners_differ
    A product's frames and their partners are not as many.
    Report it.
"""
