"""Who may do what, and requests."""

PEOPLE = """
not_the_owner
    Only the owner of the nights may do that; members of the group look, and ask.
    Type what the message says, or ask the owner.
database_changed
    vampd started or stopped just as its database was read.
    Run the command again.
opened_to_read
    A command that only looks tried to change the database: a bug.
    Report it.
"""
