"""Why a program failed, read from all that it wrote: the cause in our words, and its cure.

Programs repeat themselves, and their last line rarely is the cause. The texts are those of the C
locale: strerror(3), OpenSSH, rsync, bash and dash.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class CauseName(StrEnum):
    """What can be the matter with a program, a host or its disk."""

    HOST_KEY_CHANGED = "host_key_changed"
    HOST_KEY_UNKNOWN = "host_key_unknown"
    HOST_UNKNOWN = "host_unknown"
    KEY_UNSAFE = "key_unsafe"
    AUTHENTICATION_REFUSED = "authentication_refused"
    CONNECTION_REFUSED = "connection_refused"
    NO_ROUTE = "no_route"
    CONNECTION_TIMED_OUT = "connection_timed_out"
    LOGIN_CLOSED = "login_closed"
    NO_SPACE = "no_space"
    QUOTA = "quota"
    READ_ONLY = "read_only"
    DISK_ERROR = "disk_error"
    STALE = "stale"
    PERMISSION = "permission"
    PROGRAM_MISSING = "program_missing"
    LOGIN_TALKS = "login_talks"
    OPTION_UNKNOWN = "option_unknown"
    FOLDER_MISSING = "folder_missing"


# These say that the host was never asked, or could not answer: nothing there is wrong.
CONNECTION_CAUSES = frozenset(
    {
        CauseName.HOST_KEY_CHANGED,
        CauseName.HOST_KEY_UNKNOWN,
        CauseName.HOST_UNKNOWN,
        CauseName.KEY_UNSAFE,
        CauseName.AUTHENTICATION_REFUSED,
        CauseName.CONNECTION_REFUSED,
        CauseName.NO_ROUTE,
        CauseName.CONNECTION_TIMED_OUT,
        CauseName.LOGIN_CLOSED,
    }
)
FULL_CAUSES = frozenset({CauseName.NO_SPACE, CauseName.QUOTA})


@dataclass(frozen=True)
class ProgramCause:
    """A cause: its name, the line that shows it, what it is in our words, and what to do."""

    name: CauseName
    line: str
    words: str
    cure: str


@dataclass(frozen=True)
class _Pattern:
    name: CauseName
    # Of one line without what is in quotes; its group, if it has one, is what ``{what}`` says.
    matches: re.Pattern[str]
    words: str
    cure: str


def _pattern(name: CauseName, regex: str, words: str, cure: str) -> _Pattern:
    return _Pattern(name, re.compile(regex, re.IGNORECASE), words, cure)


# The first that any line matches is the cause: a changed host key also refuses the login, and a
# login that is refused also ends rsync. A number in brackets is rsync's errno, in any language.
_PATTERNS = (
    _pattern(
        CauseName.HOST_KEY_CHANGED,
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for \S+ has changed"
        r"|REVOKED HOST KEY DETECTED",
        "the ssh key of the host has changed",
        "find out why (a new machine, a new address, or someone in between), and only then remove"
        " the old key as ssh says",
    ),
    _pattern(
        CauseName.HOST_KEY_UNKNOWN,
        r"No \S+ host key is known for (\S+)|Host key verification failed"
        r"|authenticity of host .* can't be established",
        "the ssh key of the host is not known here",
        "log in to it once as the user of vampd, and compare its fingerprint with the host's own",
    ),
    _pattern(
        CauseName.HOST_UNKNOWN,
        r"Could not resolve hostname ([^:\s]+)|Name or service not known"
        r"|Temporary failure in name resolution|nodename nor servname",
        "no host of that name is known",
        "check the name in the settings, the name service and the network of this machine",
    ),
    _pattern(
        CauseName.KEY_UNSAFE,
        r"UNPROTECTED PRIVATE KEY FILE|Load key |Bad owner or permissions on"
        r"|Bad configuration option|no such identity:",
        "ssh refuses its key or its configuration here",
        "correct the file that ssh names, as the user of vampd",
    ),
    _pattern(
        CauseName.AUTHENTICATION_REFUSED,
        r"Permission denied \([a-z,-]+\)|Too many authentication failures|^.*: Permission denied,"
        r" please try again|No more authentication methods|account is (?:currently )?not available"
        r"|account (?:has expired|is locked)|Your password has expired",
        "the host refuses the login",
        "put the public ssh key of the user of vampd into ~/.ssh/authorized_keys there; its login"
        " must need no password",
    ),
    _pattern(
        CauseName.CONNECTION_REFUSED,
        r"Connection refused",
        "the host refuses the connection",
        "start sshd there, or correct host and port; then check that ssh to it works without a"
        " password",
    ),
    _pattern(
        CauseName.NO_ROUTE,
        r"No route to host|Network is (?:unreachable|down)|Host is down",
        "there is no way to the host",
        "check the network, and that the host is up",
    ),
    _pattern(
        CauseName.NO_SPACE,
        r"No space left on device|\(28\)$|: ENOSPC",
        "the disk is full: no space or no inodes",
        "free some there",
    ),
    _pattern(
        CauseName.QUOTA,
        r"Disk quota exceeded|\(122\)$",
        "the quota of the user is used up",
        "free some of it, or have it raised",
    ),
    _pattern(
        CauseName.READ_ONLY,
        r"Read-only file system|\(30\)$",
        "the file system is mounted read-only",
        "look into the log of that machine: a disk error may have caused it; mount it for writing",
    ),
    _pattern(
        CauseName.DISK_ERROR,
        r"Input/output error|\(5\)$|Structure needs cleaning|\(117\)$",
        "the disk reports an error",
        "look at that disk and the log of its machine",
    ),
    _pattern(
        CauseName.STALE,
        r"Stale (?:NFS )?file handle|\(116\)$|Transport endpoint is not connected|\(107\)$",
        "the network mount is gone or stale",
        "mount it again",
    ),
    _pattern(
        CauseName.PERMISSION,
        r"Permission denied|Operation not permitted|\((?:13|1)\)$",
        "permission is denied",
        "let the user of vampd read and write there",
    ),
    _pattern(
        CauseName.PROGRAM_MISSING,
        r"command not found: (\S+)|(?:^|[ :])([\w./+-]+): (?:command )?not found\b(?!:)"
        r"|env: *: No such file|Failed to exec\b",
        "the program {what} is missing",
        "install it there, or correct PATH of logins that are not interactive",
    ),
    _pattern(
        CauseName.LOGIN_TALKS,
        r"is your shell clean\?|protocol version mismatch|unexpected tag|multiplexing overflow",
        "a login script prints something, which rsync takes for its answer",
        "let ~/.bashrc, ~/.cshrc and the like print only in interactive shells",
    ),
    _pattern(
        CauseName.OPTION_UNKNOWN,
        r"(?:unknown|unrecognized|invalid) option",
        "a program is too old: it does not know an option",
        "install a newer one; `vampctl doctor` shows the versions",
    ),
    _pattern(
        CauseName.CONNECTION_TIMED_OUT,
        r"timed out|timeout, server .* not responding|timeout in data send",
        "the host did not answer in time",
        "check that the host is up and its network; a slow one needs a longer transfer.timeout_s",
    ),
    _pattern(
        CauseName.LOGIN_CLOSED,
        r"Connection (?:closed|reset) by|kex_exchange_identification|Broken pipe"
        r"|connection unexpectedly closed|Connection to \S+ closed",
        "the connection was closed from the other side",
        "check that the host is up; look into the log of its sshd",
    ),
    _pattern(
        CauseName.FOLDER_MISSING,
        r"No such file or directory|Not a directory|\((?:2|20)\)$",
        "a folder or file is missing",
        "mount the disk there, or create the folder",
    ),
)
_ANY = re.compile("|".join(pattern.matches.pattern for pattern in _PATTERNS), re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"|\'[^\']*\'')
_LONGEST_LINE = 400


def find_cause(text: str) -> ProgramCause | None:
    """The cause that a program's messages show; None if none is known."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()]
    for pattern in _PATTERNS:
        for line in lines:
            if match := pattern.matches.search(_without_names(line)):
                what = next((group for group in match.groups() if group), "that it needs")
                words = pattern.words.format(what=what)
                return ProgramCause(pattern.name, line[:_LONGEST_LINE], words, pattern.cure)
    return None


def shows_cause(line: str) -> bool:
    """Whether one line shows a cause, so that it must be kept of a long text."""
    return _ANY.search(_without_names(line)) is not None


def original_words(text: str) -> str:
    """The program's own words, to stand behind ours: the line of the cause, else the last lines.

    What follows a cause are its consequences, in words that lead astray.
    """
    cause = find_cause(text)
    if cause is not None:
        return cause.line.strip("@ ")
    lines = [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()]
    return "; ".join(line[:_LONGEST_LINE] for line in lines[-4:])


def _without_names(line: str) -> str:
    # A name in quotes may hold anything, also an errno.
    return _QUOTED.sub("", line)
