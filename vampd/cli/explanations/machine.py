"""This machine, the database, programs, the configuration, and how commands are used."""

MACHINE = """
disk_full
    A file system here has no space, no inodes, or a quota is used up.
    Free some.
disk_low
    Less space is free than the stage needs plus `disk.reserve_bytes`.
    Free some; `vampctl purge NIGHT` gives the space of raw cubes back.
program_missing
    A program is not installed, or not in the PATH of vampd.
    Install it, or correct the configuration.
program_not_started
    A program could not be started.
    See the message: processes, memory, or a missing interpreter.
program_silent
    A program gave no sign of life, and was ended.
    See its last words; look at the host or disk that it works on.
output_too_long
    A program wrote more than its answer can have, and was ended.
    Find out what answers there.
alarm_command
    The command of a `[[notify]]`, or of `[heartbeat]`, failed or took too long: nobody was told.
    Run it by hand; `vampctl alarm --test` tries it. It is tried again.
heartbeat_failed
    The URL of `[heartbeat]` was not reached, or did not take the signal.
    Look at the service there; `vampctl alarm --test` tries it. It is tried again.
heartbeat_url
    The URL of `[heartbeat]`, or its `ca_file`, cannot be used.
    Correct it.
no_hard_links
    A file system has no hard links, so that no file can be named there without replacing another.
    Put what the message names on one that has them (ext4, XFS); it is tried again.
worker_died
    A worker process died.
    Nothing; if it happens again, look for who kills it (memory?), and raise `TasksMax=`.
worker_deadline
    A worker took longer than `schedule.worker_deadline_s`, and was killed.
    Look at the disks; raise the setting if the cubes are that large.
worker_not_started
    No worker process can be started.
    Look at /dev/shm, TMPDIR, and how many processes and open files the service may have.
product_unseen
    A worker has made a product, and this host did not see it as it was made within 90 seconds.
    Look at who changes the folder, and at how its file system is mounted (NFS); it is tried again.
crew_unreachable
    No host of the crew has answered for `crew.lost_after_s`.
    Look at vampd-scheduler, and at vampd-worker on the hosts; it is tried again.
crew_contested
    Another vampd gives orders to the hosts of this root, which end what either has ordered.
    Stop the one that is not to archive; it is tried again.
worker_version
    A host was to pack for a vampd of another version.
    Install the same version on all hosts; it is tried again.
worker_root
    The root of the nights on a host is not the one on record.
    Mount it there; it is tried again.
worker_framelist
    A host saw another framelist than the one that it was to pack.
    Look at how its file system is mounted (NFS); it is tried again.
crew_missing
    What `crew.engine` needs is not installed.
    Install it with `make install CREW=1`, or set the engine to `local`.
no_host
    What was to be the name of a host is none.
    Type it as the host itself is called.
certificate_exists
    A host has a key already, which is not replaced.
    Remove its files where they are to be made anew.
authority_unreadable
    The authority by which certificates of a crew are made is damaged, or another kind of file.
    Put back what was made there, or make one anew in another folder, for all hosts.
crew_local
    `vampd-worker` was started where `crew.engine` is `local`.
    Give it the configuration of the daemon.
host_name
    `vampd-worker` was started by a name that the crew knows no host by.
    Start it with `--host NAME`, of letters, digits, dots and hyphens.
jobs_undescribed
    What a job of the batch system needs stands nowhere.
    Write it into /etc/dask/jobqueue.yaml, as docs/more-hosts.md shows.
no_memory
    The memory did not suffice.
    Look at what uses it (`systemctl status vampd`); fewer `schedule.workers`.
no_threads
    No thread can be started.
    Allow the service more processes and threads (`TasksMax=`).
writer_lingers
    A process that should have ended still holds a file.
    Find out what keeps it alive; its number is in the file's name.
locked
    Another process holds the lock.
    Wait until it ends, or end it.
state_unusable
    The folder of the database cannot be used.
    Make it, or correct its owner; `database.url` names it.
no_lock
    What lies in the place of a lock file is none of vampd's, and is left as it is.
    Find out who put it there, and move it away.
tmpdir_too_long
    TMPDIR is too long for the names of the workers' sockets.
    Set it to a shorter path, such as /tmp.
database_missing
    There is no database.
    Start vampd, which creates it; or correct `database.url`.
database_busy
    The database is locked by another process.
    `fuser` shows which.
database_damaged
    The database is damaged.
    See "a damaged database" in docs/operations.md.
database_replaced
    The file of the database was removed, renamed or replaced below vampd, which therefore waits.
    Put it back under its name, or restart vampd to work with what is there.
database_unreadable
    The disk refused to read or write the database.
    Look at that disk (`dmesg`).
database_altered
    The database has views or triggers that are not vampd's, lacks one of its own, or other tables.
    Find out who did that; put it right, or move the file aside.
database_foreign
    The file is the database of another application.
    Correct `database.url`.
database_unusable
    The database cannot be used.
    Check owner and mode of the file and its folder; vampd must be able to write both, and waits.
schema_mismatch
    The database is of another version of vampd.
    Use that version; a newer one migrates it at its start.
config_invalid
    The configuration has an unknown key or an impossible value. Exit status 78.
    Correct the key that the message names.
config_not_toml
    The configuration is not valid TOML. Exit status 78.
    Correct the line that the message names.
config_unreadable
    The configuration cannot be read. Exit status 78.
    Check its path, owner and mode.
credentials_malformed
    The credentials must hold two lines: user and password.
    Correct the file.
credentials_unreadable
    The credentials cannot be read.
    Check owner and mode.
credentials_unsafe
    Others may read or write the credentials.
    `chmod 600` them.
dictionary_invalid
    The keyword dictionary has an impossible entry.
    Correct the entry that the message names.
dictionary_not_toml
    The keyword dictionary is not valid TOML.
    Correct the line that the message names.
dictionary_unreadable
    The keyword dictionary cannot be read.
    Correct `headers.dictionary`.
demo_folder_foreign
    The demo's folder must be your own and closed to others.
    `chmod 700` it, or name another.
demo_folder_used
    The demo's folder holds what no demo has made.
    Move it, or name another.
demo_not_done
    Not every night of the demo ended done.
    `vampctl why NIGHT`.
no_journal
    There is no journal to ask.
    `vampctl history NIGHT` works without.
journal_closed
    You may not read the journal.
    Join the group systemd-journal.
cannot_listen
    A program cannot listen where `[web] listen` or `crew.scheduler` says: another one does.
    Stop the other (`systemctl status vampd-web vampd-scheduler`), or name another place.
export_foreign
    The folder to export to holds what no export has put there, or what was changed since.
    Move that, or name another folder.
web_missing
    The page and the metrics need the extra `web`, which is not installed in vampd's environment.
    `pip install 'vampd[web]'` in vampd's environment.
not_asked_so
    A request to the page asks for something that it does not know.
    The message says what it takes; `docs/operations.md` lists the addresses.
matplotlib_missing
    `vampctl plot` needs matplotlib.
    `pip install 'vampd[plot]'` in vampd's environment.
cannot_write
    The output cannot be written.
    Name a file or folder that you may write to.
cube_exists
    A simulated cube is there already.
    Choose another night, seed or start.
file_exists
    The output is there already, and is not overwritten.
    Remove it, or name another.
night_exists
    The night that was to be simulated is there already.
    Choose another date or root.
no_such_preset
    There is no such preset.
    `vampctl simulate --preset list`.
truth_inside
    The truth table may not lie in the night.
    Name a file elsewhere.
not_png
    The plot is a PNG.
    Name a `.png` file.
kind_needed
    The date has an archive night and an engineering night.
    Say `--kind`.
not_a_night
    This is no night.
    Name a UT date such as 20251106.
not_a_pattern
    `log --grep` takes a regular expression, and what was typed is none.
    Put a backslash before each character of a plain text that means something in one.
not_a_time
    This is no time.
    Type one as "2 h" (ago), 14:20, yesterday or 2025-11-06 14:20, in UT.
not_a_terminal
    A live screen was asked for where there is no terminal.
    `vampctl watch --once` writes one frame as plain lines.
not_asked
    There is no terminal to ask at.
    `--yes` confirms.
no_such_frame
    `summary --frame` was asked about a frame that sync did not place, or in another form.
    Name it as CAMERA:CUBE:INDEX, for example `1:vcam1_10:20:00.000000000.fits:17`.
nothing_named
    The command does not say which nights.
    Name them.
two_choices
    Two choices exclude each other.
    Choose one.
two_ends
    `--until` and `--only` exclude each other.
    Choose one.
two_forms
    `--json` and `--csv` exclude each other.
    Choose one.
code_unknown
    There is no such code.
    `vampctl explain` lists all.
"""
