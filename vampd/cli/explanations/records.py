"""Frame IDs, the ledger, manifests and mail."""

RECORDS = """
no_authority
    `frameids.authority` is "none", and the night needs frame IDs.
    Configure an authority; the night waits.
frame_id_conflict
    Records of the frame IDs contradict each other; no ID is granted.
    `vampctl frameids` shows both; then `vampctl retry NIGHT`.
frame_ids_disagree
    Ledger, file names, headers and `name_changes.txt` disagree; no ID is granted.
    `vampctl frameids`; `rebuild-ledger` if that is lost; `vampctl adopt NIGHT` for IDs of others.
frame_id_unbound
    A product has an ID that the ledger did not grant.
    Find out where it comes from.
frame_ids_exhausted
    The range of frame IDs is used up.
    Set another `frameids.first`, or another authority.
grant_refused
    The authority's answer is not what was asked for; none of its IDs is used.
    Ask who runs the authority; `vampctl retry NIGHT`.
ledger_conflict
    `frameids.ledger` and the database disagree; no ID is granted.
    See "a lost or damaged ledger" in docs/operations.md.
ledger_damaged
    A line of `frameids.ledger` does not fit its checksum.
    Restore it from a backup, or `vampctl rebuild-ledger`.
ledger_unwritable
    The frame-ID ledger cannot be written.
    Check that the data disk is mounted and that vampd may write there.
folders_unclear
    The ledger cannot be rebuilt: the folders do not agree.
    Correct what the message lists.
local_looks_raw
    The local sequence lies in the range that the observatory gives to raw frames.
    Set `frameids.first` to another range.
answer_unreadable
    The answer file of the authority cannot be read, or is longer than any answer.
    Check its owner and mode, and what writes it.
gen2_call_failed
    Gen2 could not be asked.
    Check that Gen2 and its object VAMPIRES are up; `vampctl doctor`.
gen2_contested
    The answer file held two answers within one call: another client asks Gen2 at the same time.
    See that no one else asks, or set `frameids.way = "frames"`; `vampctl retry NIGHT`.
gen2_silent
    Gen2 gave no answer, or the connection broke; a late one stays unused. The second time, held.
    Check that Gen2 and its object VAMPIRES are up; once held, ask its operators first.
g2base_missing
    The package g2base cannot be imported.
    Install it for the Python of vampd, or choose another authority.
command_failed
    The program that grants IDs failed; none is used.
    See its message.
command_silent
    The program that grants IDs printed nothing.
    Correct it.
name_changes_damaged
    `name_changes.txt` cannot be read.
    Correct the line that the message names, or bring the file back.
manifest_missing
    The night has no manifest yet.
    `vampctl run NIGHT` makes it.
manifest_damaged
    A manifest cannot be read.
    Bring it back, or move it away and `vampctl retry NIGHT`.
manifest_changed
    A manifest changed; it never may.
    Find out who wrote there.
manifest_duplicate
    A product occurs in two of these manifests.
    Leave one of them out.
manifest_stale
    A product was remade after its manifest was written; nothing is sent over the old copy.
    Move the old manifest away, `vampctl retry NIGHT`; inform STARS if it was mailed.
manifest_unsafe
    A listed product is no longer proven to be at the archive.
    `vampctl retry NIGHT --from transfer`.
mail_uncertain
    The fate of a mail is unknown; it is never sent again by itself.
    Ask STARS; `vampctl mail NIGHT --mark-sent`, or `--send --yes`; then `retry`.
mail_failed
    The mail was not sent.
    See the message of the mail host.
mail_not_noted
    The note of a mail cannot be written; nothing was mailed.
    The sender must be able to write to the night's folder.
mail_login
    The mail host refused the login.
    Correct `mail.credentials`.
mail_ca_file
    `mail.ca_file` holds no certificates.
    Correct it.
mail_template
    The template of the mail cannot be read or used.
    Correct `mail.template`.
mail_unset
    Settings without which nothing can be mailed are missing.
    Set those that the message names.
not_mailed
    A manifest cannot be acknowledged before it was mailed, or you did not confirm it.
    `vampctl mail NIGHT`; or confirm that STARS knows it.
mailed_already
    A manifest of these nights was mailed before.
    Leave it out, or confirm that it is to be mailed again.
mailed_meanwhile
    Another process has mailed one of these manifests.
    `vampctl status NIGHT`, then decide again.
mailing_concluded
    The outcome of this mail is on record already.
    Nothing.
not_a_draft
    The draft must have the name of a mail.
    Name a `.eml` file.
one_of_them
    Two options exclude each other.
    Choose one.
"""
