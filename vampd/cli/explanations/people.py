"""Who may do what, and requests."""

PEOPLE = """
not_the_owner
    Only the owner of the nights may do that; members of the group look, and ask.
    Type what the message says, or ask the owner.
database_changed
    vampd started or stopped just as its database was read.
    Run the command again.
not_a_member
    Only members of the group of the state folder may look and ask, once vampd has started.
    `usermod -aG vampd NAME`, then log in again; start vampd once.
reason_refused
    A reason is one line of a limited length.
    Say it shorter.
request_answered
    The request cannot be taken back: it was acted on, as the message says.
    `vampctl history NIGHT`; ask for the opposite.
request_interrupted
    vampd ended while it carried out what was asked, and does not begin it again.
    Look at the night, and ask again.
request_not_asked
    What was typed has no place in a request: an unusual name, or too many files.
    Ask the owner.
deed_failed
    The command that vampd ran for a member ended with an error, which the answer quotes.
    `vampctl requests --json` shows all of its words.
request_foreign
    What lies in the folder of requests is not one file of one writer: a link, two names, too long.
    Nothing was done; it was removed.
request_malformed
    A request is not in the form that `vampctl` writes.
    Ask by `vampctl` of the version that runs.
request_not_allowed
    What was asked for is the owner's alone (`requests.members_may`).
    Ask the owner.
request_of_another
    Another member's request.
    Its writer may take it back.
request_out_of_date
    The night, or its manifests, changed between what its writer saw and the deed.
    Look, and ask again.
request_too_long
    The request lists more manifests than one can hold.
    Ask the owner.
request_unknown
    No request, or more than one, begins so.
    `vampctl requests` lists them.
requests_unusable
    The folder of requests is not vampd's own, so no one can ask.
    Move it away; vampd makes one within a second.
opened_to_read
    A command that only looks tried to change the database: a bug.
    Report it.
"""
