"""Transfer and archive: what keeps a night from being sent and proven there."""

ARCHIVE = """
archive_unknown
    The destination is not certainly the archive: its mark is missing or another one.
    Mount its disk; else see "an archive that is not recognized" in docs/operations.md.
archive_unreachable
    The archive host or its folder cannot be reached; the message begins with the cause.
    Do what the message says; `vampctl doctor` shows whether it is fixed.
archive_refused
    The host answered and could not do what was asked; the message begins with the cause.
    Do what the message says: a permission, a missing program, a disk there.
archive_folder_missing
    The folder of the destination does not exist.
    Mount the disk there, or create the folder.
archive_full
    The archive takes no more: no space, no inodes, or a quota is used up.
    Free some there.
archive_slow
    The host answers, and its disk does not, or the destination here is a mount that does not.
    Look at that disk and its load; a slow one needs a longer `transfer.timeout_s`.
archive_bytes_differ
    Files that were sent are read there with other bytes, again and again.
    Look at that disk, and at the memory and network of its machine; then `vampctl retry NIGHT`.
archive_garbled
    The answer of the host is not what was asked for.
    Check whether a login script there prints something; `vampctl doctor` shows it.
archive_listing_too_long
    The host's answer is longer than that of any night.
    Check what lies at the destination, and what a login there prints.
archive_unreadable
    A file at the archive cannot be read; the message begins with the cause.
    Correct what the message names, then `vampctl retry NIGHT --from transfer`.
archive_moved
    The settings name another destination than the one on record.
    `vampctl archive moved KIND --to DESTINATION`, or correct the setting.
archive_accepted
    A person took what lies at the destination for the archive.
    Nothing: every night is read again there.
transfer_failed
    A copy failed; the message begins with the cause.
    Do what the message says.
transfer_killed
    rsync was killed.
    Nothing; if it happens again, look for who kills it (memory?).
source_unreadable
    A file of the night cannot be read, and must be sent.
    Correct its owner or mode, or look at its disk; `vampctl retry NIGHT`.
source_vanished
    A file of the night went away while it was sent.
    Find out who removes files there.
source_is_no_file
    What is to be sent is a link or something else.
    Find out who put it there, and move it away.
destination_is_source
    The destination, or a folder of moved_to, is the night's own folder.
    Configure another disk, or correct moved_to.
changed_while_read
    A file was written to while it was read.
    Find out who writes there.
probe_lost
    A file that doctor sent to the archive is not there.
    Look at that file system.
probe_damaged
    A file that doctor sent to the archive came back changed.
    Look at that disk before anything else is sent.
probe_stays
    The probe of doctor cannot be removed.
    Remove the folder that the message names.
not_the_archive_host
    `vampctl pull` runs on the archive host, and this is not it.
    Run it there.
no_destination
    A destination is missing in the configuration, or the one named is no place of an archive.
    Set it, or name another.
nights_not_there
    None of the nights that were sent lies where the archive is said to have been moved.
    Move it there first, or say `--without-nights`.
nothing_sent
    The night was never transferred.
    Nothing to verify yet.
nothing_travels
    The night has nothing to transfer yet.
    Wait until it is packed.
not_ready
    The night is not there, or not far enough, to be pulled.
    Check `transfer.pull_from`.
not_a_file
    Something else has the name of a file or folder that vampd keeps in a night.
    Move away what the message names, then give the command that it shows.
already_exists
    A file that was to be made is there already, and was left as it is.
    Check what it holds; move it away if it does not belong there.
too_many_columns
    The headers of these nights have more keywords than a table of SQLite takes columns.
    Write another form: `vampctl headers table NIGHT... -o FILE.csv`.
file_too_long
    A file is longer than such a file can honestly be.
    Find out what wrote it, and move it away.
nothing_kept
    A file was not removed, because the one that should hold its content is gone.
    Find out who removed it; `vampctl retry NIGHT`.
product_damaged
    A product, sidecar or generation is not what its packing receipt says; nothing is sent.
    `vampctl recover NIGHT`, then `vampctl retry NIGHT`.
product_lost
    A product has no good copy, and raw does not give it again; or a cube had frames in such a one.
    Put a good copy in its place, `vampctl retry NIGHT`; or `vampctl release NIGHT` goes on without.
product_missing
    A product or sidecar that is on record is gone, or was never made.
    `vampctl recover NIGHT`, then `vampctl retry NIGHT`, with `--from sync` if it was never made.
product_unproven
    Nothing of the night accounts for a product.
    Find out where it comes from, and move it away.
products_identical
    Two products have one content or one identity.
    Find out how; `vampctl history NIGHT`.
generation_damaged
    A generation file is damaged.
    `vampctl recover NIGHT` gets it back, or says what can stand for it.
decision_unknown
    No generation can be made of what is left of the products.
    Put a good copy of what the message names there, then `vampctl recover NIGHT --from-products`.
copy_unknown
    The archive may have a good copy of a generation that is lost here.
    Mount or repair what keeps it from being read, then `vampctl recover NIGHT`.
generation_missing
    A framelist is of no generation that is here, so a generation file is gone.
    Put the file back, `vampctl retry NIGHT`; or `vampctl restore NIGHT` begins from raw.
receipts_damaged
    `vgen2/receipts.tsv` cannot be read.
    Where the database is whole, move the file away; `vampctl retry NIGHT` writes it again.
receipts_disagree
    Database and `receipts.tsv` differ; or without a database, `receipts.tsv` and the folder.
    `vampctl verify NIGHT`; if `receipts.tsv` is wrong, move it away, `retry`; else as `why` says.
reasons_damaged
    `vbad/reasons.tsv` cannot be read.
    Move it away; sync writes it again.
sums_damaged
    `SHA256SUMS` cannot be read.
    Move it away; transfer writes it again.
raw_records_damaged
    The raw records of a purge cannot be read.
    `vampctl recover NIGHT` gets them back.
raw_removed
    Raw files that are needed were removed.
    Bring them back, `vampctl retry NIGHT`; or `vampctl release NIGHT` goes on without, for good.
raw_lost
    A file of a set-aside cube is gone here and not whole at the archive, and a person gave it up.
    None is needed; the cube is looked at again when it comes back.
raw_differs
    A raw cube is not what its records or the archive hold; it stays.
    Find out which of the two is right.
foreign_ids
    Frames of the night have frame IDs of the old tools, and `restore` would lead to other ones.
    Leave the night as it is; `vampctl adopt NIGHT` puts what the old tools did on record.
raw_incomplete
    Raw is not what the products were made from, so restore changed nothing.
    Bring the raw files back.
raw_ambiguous
    Two different files claim to be one raw file.
    Move the wrong one away.
not_due
    The night is marked for deletion from a later day on.
    `--after 0` makes it due now; `vampctl hold NIGHT` takes the mark away.
late_data
    The night has raw files that sync has not seen, or that changed since.
    Wait until they are processed.
not_proven_here
    A product has no packing receipt, so raw stays.
    `vampctl retry NIGHT --from transfer` proves it.
not_at_archive
    A file is not at the archive, so raw stays.
    `vampctl retry NIGHT --from transfer` sends what is missing there.
raw_irregular
    A raw file cannot be read or is no plain file, so raw stays.
    See the files that the message names.
same_disk
    The archive is on the disk of the raw data, or may be: one fault may lose both.
    `vampctl purge NIGHT --same-disk NIGHT` purges it nevertheless.
not_acknowledged
    STARS has not acknowledged all products, so raw stays.
    `vampctl acknowledge NIGHT` records that it has.
not_prepared
    What must be proven before raw goes has changed.
    `vampctl purge NIGHT` again.
not_removable
    Something may not be removed; nothing was changed.
    Run it as the owner of the nights; `lsattr` shows immutable files.
not_empty
    A folder that a file's name is needed for is not empty.
    Check it, and move its content away.
not_ours
    A file is in the way that vampd did not make.
    Find out what it is, and move it away.
own_products
    A command was to write into the folder of vampd's own products.
    Pass `-o DIR` with another folder.
no_products
    No packed product of the night meets what was asked for, or it has none yet.
    `vampctl get NIGHT --dry-run` lists what there is; the message names a card that none has.
no_condition
    A condition of `--where` is no card, no span of time and no name.
    `KEYWORD=VALUE`, `KEYWORD!=VALUE`, `FROM..TO` in UT such as 2025-11-06T10:20:00, or a name.
no_header_table
    The night's table of headers is needed and cannot be read.
    `vampctl recover NIGHT` brings it back; without a condition `vampctl get` needs none.
get_runs
    Another `vampctl get` of this night writes to the same folder.
    Wait for its end, or pass `-o DIR` with another folder.
no_user
    The name of a user at the archive host cannot be one.
    Correct `--user`.
not_got
    What lies at the archive of a night of the old tools could not be listed.
    Do what the message says; `ssh HOST` must log you in without a question.
archive_night
    A command was to write into an archive night, where the old tools would take the file.
    Pass `-o DIR` with another folder.
not_recovered
    A product is damaged or gone here, and only the archive has it whole.
    `vampctl recover NIGHT` first.
raw_stays
    A raw file was named, and vampd writes none.
    Copy it back manually from `vbad/` at the archive; then `vampctl retry NIGHT`.
no_receipt
    No packing receipt names this file.
    Name a file that `vampctl audit NIGHT` lists.
no_candidate
    The file could not be made again under its name.
    See the other candidates that the message names.
not_decided
    No generation holds this product.
    `vampctl audit NIGHT`.
not_from_raw
    The file cannot be made again from raw.
    Get it from the archive copy.
other_bytes
    What was made again has other bytes than the packing receipt says.
    Get it from the archive copy, or from STARS; or bring its raw cubes back as they were.
other_form
    This version of vampd writes products of another form.
    Get it from the archive copy.
no_folder
    The folder does not exist.
    Check the date and the root, or the folder of the output.
nothing_synchronised
    The night has not been through sync.
    Wait until it has.
not_synchronised
    sync has not run on the night yet.
    `vampctl status NIGHT` shows what it waits for.
"""
