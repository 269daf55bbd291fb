"""What a night waits for, and what it is held for."""

NIGHTS = """
root_unknown
    The root of the nights is not the one on record: its disk is not mounted, or another one is.
    Mount it; if it was replaced on purpose, `vampctl root accept`. All nights go on by themselves.
night_ignored
    The night is older than `watch.ignore_before`.
    Nothing: it is listed and never processed. Change the setting if it should be.
link_found
    A night, what vampd writes there or the ledger is a link, or two nights are or have one folder.
    Move it away, put the file itself there or unmount one name, then do as the message says.
night_unreadable
    The night's folder cannot be listed, is gone, or is a link that leads nowhere.
    Mount its disk, or correct owner and mode, as the note says; the next scan looks again.
not_readable
    The user of vampd may not read a raw file; the message names path, owner and mode.
    Run the command in the message. The night goes on by itself once it can be read.
not_writable
    The user of vampd may not write to a file or folder; the message names path, owner and mode.
    Run the command in the message.
disk_hangs
    What lies at a night has not answered for a while: a dead mount, or a file server that is away.
    Look at that mount (`findmnt`); the night goes on by itself, and the others meanwhile.
file_size_limit
    A file would be longer than the process may write, or than its file system allows.
    Raise the limit (`LimitFSIZE=` in the drop-in of the unit, `ulimit -f`); it is tried again.
io_error
    The disk or a file server refused to read or write.
    Look at that disk (`dmesg`); it is tried again. `release` may go on without a raw cube: `why`.
old_tools
    The old tools have worked on a night that vampd has begun, so nothing in it is touched.
    Switch them off; then `vampctl restore NIGHT`, or, if they processed it, `vampctl adopt NIGHT`.
no_plate_log
    A file that `--from-wpu` names has no line of the wave-plate unit's on the half-wave plate.
    Name the unit's logs of the two Hawaiian dates of `vampctl correct NIGHT`.
not_legacy
    Only what the old tools worked on is adopted: nothing of theirs is in this night.
    `vampctl status --all` lists the legacy nights.
not_continuable
    Records of a night of the old tools differ, or products are missing: it is not taken on.
    Put back what was moved or edited manually; else leave the night as it is.
old_product_bad
    A product that the old tools packed is damaged, or is not its plain cube.
    Move it away if its plain cube is there, else bring a whole copy; then `vampctl retry NIGHT`.
old_products_damaged
    `vgen2/old_products.tsv` does not name products of the old tools.
    Put it back, or move it away if each product is there; then `vampctl retry NIGHT`.
mixed_ids
    Some of these nights have frame IDs of the old tools, and some of vampd.
    Name them in two commands.
not_adopted
    What the old tools said of the night is not on record yet, so there is nothing to verify.
    `vampctl adopt NIGHT`, then the same command again.
no_nights
    `vampctl adopt` was given neither nights nor `--all`.
    Name the nights, or say `--all`.
legacy
    The night is one of the old tools, found with their traces before vampd had done anything to it.
    Nothing: it is counted, and left alone. `vampctl adopt NIGHT` puts what they did on record.
damaged_here
    Files of a finished night are not all what they were, or a timing file has no cube beside it.
    `vampctl audit NIGHT` shows them, `vampctl recover NIGHT` gets products back.
cameras_clocks_differ
    Most cubes of a camera have acquisition times of another clock, so that pairs would be wrong.
    Correct the timing files and `vampctl retry NIGHT`; `release` goes on without these cubes.
times_collide
    Two products of different frames would have one name or one MJD, and readers take them for one.
    Find out which cube has a wrong time; `release` goes on without the one that the message names.
no_cubes
    There is no raw cube yet.
    Nothing: it starts when there are some.
unknown_files
    There is no raw cube, but files that are none, such as a timing file without its cube.
    Give a cube its logger's name beside its timing file; move away what is not the loggers'.
before_hour
    Archive nights start at `schedule.archive_not_before` of their date.
    Nothing; `vampctl run NIGHT` does not wait for the hour.
still_written
    The camera streams changed, or a process has a raw file open for writing.
    Nothing: it starts `watch.quiet_after_s` after the last change.
being_checked
    The cubes of the night are being opened, one after the other.
    Nothing: it goes on by itself.
incomplete_cubes
    Raw cubes lack their timing file or are cut short, and may still become whole.
    Nothing; or, if no more will come, `vampctl run NIGHT --as-it-is`.
older_night
    An older archive night gets its frame IDs first.
    See `vampctl why NIGHT` of that one; `vampctl release NIGHT` lets this one pass.
older_nights
    A person let this night pass older ones on the way to frame IDs.
    Nothing.
retry_later
    The last attempt failed, and the next one is due in a while.
    Nothing; `vampctl retry NIGHT` retries now.
running
    The night is being processed.
    Nothing; `vampctl log NIGHT` shows what it does.
held
    The night is held.
    `vampctl why NIGHT` shows the reason, which has a code of its own.
done
    Nothing is left to do.
    Nothing.
held_by_person
    A person holds the night (`vampctl hold`).
    `vampctl release NIGHT` lets it go on.
sync_unexpected
    More frames are unpaired, dubious or set aside than `[sync]` allows.
    `vampctl summary NIGHT` and `vampctl plot NIGHT` show them; `vampctl release NIGHT` takes it so.
late_partners
    Late frames belong to frames that are in products already.
    `vampctl release NIGHT` keeps them apart; `vampctl restore NIGHT` and `retry` pair them.
card_missing
    Cubes lack a card of `headers.required`.
    Look at the cubes; `vampctl release NIGHT` lets them go without it.
night_absent
    Nothing is in the night's folder, or in a stream that was a disk of its own.
    Mount its disk; if it was emptied on purpose, `vampctl recover NIGHT --removed`.
night_gone
    A night that was archived is not at the archive any more.
    Find out who removed it; `vampctl release NIGHT` sends all of it again.
set_aside_changed
    A set-aside raw file is not what was read to be sent, and did not only grow.
    Put the copy back and `vampctl retry NIGHT`; or `vampctl release NIGHT` sends what is here.
other_products
    The archive has other products of the night, whole, of which nothing is on record here.
    Put back what is newer and `vampctl retry NIGHT`; `release` it only if none was mailed.
night_moved
    The archive host has moved the night, and files are missing or wrong where it lies now.
    `vampctl transfer NIGHT --print` shows the command; then `vampctl retry NIGHT`.
restore_unfinished
    Restoring it was begun and has not ended.
    `vampctl restore NIGHT` resumes it.
restored
    The night is raw again.
    `vampctl retry NIGHT` lets vampd process it.
interrupted
    vampd, its worker or the machine ended while the night ran.
    Nothing; if it needs a person, the night may be the cause: see `vampctl log NIGHT`.
stuck
    A stage did what it had planned, and the same is still to do.
    `vampctl log NIGHT`; report it. `vampctl retry NIGHT` tries once more.
bug
    vampd failed in a way that it does not know.
    Report it with the traceback that `vampctl why NIGHT` shows; then `vampctl retry NIGHT`.
not_safe
    The night is not done and safe, so its raw cubes stay; or a transfer ended without proof.
    `vampctl why NIGHT`; `vampctl retry NIGHT --from transfer` reads all of it again.
claim_lost
    A person moved the night while an attempt ran; its result was dropped.
    Nothing.
stopped
    Stopping was requested.
    Nothing: the work resumes later where it was.
illegal_transition
    The command does not apply to a night in this state.
    `vampctl why NIGHT` shows its state, and the commands that fit.
no_such_stage
    Nights of this kind have no such stage.
    Name one of those that `vampctl status` shows.
stage_of_old_tools
    The night's products are the old tools': an earlier stage would make others, with other IDs.
    `vampctl retry NIGHT --from fpack` is the earliest.
stage_not_reached
    The night has not reached that stage.
    Name an earlier stage, or wait until it has.
night_held
    The night is held, so it is not run.
    `vampctl why NIGHT` shows the reason and the commands that fit.
night_taken
    Another process works on the night.
    Wait until it ends.
night_running
    The night is being processed.
    `vampctl hold NIGHT` stops it first.
night_unknown
    vampd has never seen the night, or knows it as another kind.
    Check the date and `--kind`; `vampctl status` lists the nights.
night_moving
    The night changes faster than it can be read.
    Try again in a moment.
night_row_unreadable
    The night's row in the database cannot be read; every other night goes on.
    See "a damaged database" in docs/operations.md.
blocked
    A night could not be run to the end.
    `vampctl why NIGHT` says why.
failed
    The last attempt failed without a code.
    `vampctl log NIGHT` shows it.
archive_copy_bad
    The copy at the archive was read again and found damaged or incomplete.
    `vampctl retry NIGHT --from transfer` reads it all and sends what is bad again.
raw_purged
    Raw cubes were removed, each with its proof on record.
    Nothing.
raw_records
    A finished night was given the records of its raw cubes, which travel too.
    Nothing: transfer sends them.
"""
