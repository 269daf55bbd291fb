"""The cause is found in all of what a program said, wherever it stands."""

import pytest

from vampd.adapters.programs import CauseName, find_cause, original_words
from vampd.adapters.programs.messages import Messages

CHANGED = """@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Offending ED25519 key in /home/scexao/.ssh/known_hosts:1
  remove with:
  ssh-keygen -f "/home/scexao/.ssh/known_hosts" -R "sc6l"
Host key for sc6l has changed and you have requested strict checking.
Host key verification failed.
rsync: connection unexpectedly closed (0 bytes received so far) [sender]
rsync error: unexplained error (code 255) at io.c(232) [sender=3.2.7]
"""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (CHANGED, CauseName.HOST_KEY_CHANGED),
        ("No ED25519 host key is known for sc6l and you have requested strict checking.\n"
         "Host key verification failed.", CauseName.HOST_KEY_UNKNOWN),
        ("ssh: Could not resolve hostname sc6: Name or service not known", CauseName.HOST_UNKNOWN),
        ("scexao@sc6l: Permission denied (publickey,password).", CauseName.AUTHENTICATION_REFUSED),
        ('Load key "/home/x/.ssh/id": bad permissions\nx@h: Permission denied (publickey).',
         CauseName.KEY_UNSAFE),
        ("ssh: connect to host h port 22: Connection refused", CauseName.CONNECTION_REFUSED),
        ("ssh: connect to host h port 22: Connection timed out", CauseName.CONNECTION_TIMED_OUT),
        ("ssh: connect to host h port 22: No route to host", CauseName.NO_ROUTE),
        ("kex_exchange_identification: Connection closed by remote host", CauseName.LOGIN_CLOSED),
        ('rsync: [receiver] mkstemp "/a/.x" failed: Permission denied (13)', CauseName.PERMISSION),
        ('rsync: [receiver] mkstemp "/a/.x" failed: Keine Berechtigung (13)', CauseName.PERMISSION),
        ('rsync: [receiver] write failed on "/a": No space left on device (28)',
         CauseName.NO_SPACE),
        ('rsync: [receiver] write failed on "/a": Disk quota exceeded (122)', CauseName.QUOTA),
        ('rsync: [receiver] mkstemp "/a" failed: Read-only file system (30)', CauseName.READ_ONLY),
        ("dd: error reading './x': Input/output error", CauseName.DISK_ERROR),
        ("bash: line 1: ./20251106: Stale file handle", CauseName.STALE),
        ("sh: 1: sha256sum: not found", CauseName.PROGRAM_MISSING),
        ("bash: line 1: rsync: command not found\nrsync: connection unexpectedly closed",
         CauseName.PROGRAM_MISSING),
        ("zsh:1: command not found: rsync", CauseName.PROGRAM_MISSING),
        ("rsync: --fsync: unknown option", CauseName.OPTION_UNKNOWN),
        ("protocol version mismatch -- is your shell clean?", CauseName.LOGIN_TALKS),
        ("bash: line 1: cd: /mnt/x: No such file or directory", CauseName.FOLDER_MISSING),
    ],
)  # fmt: skip
def test_each_text_has_its_cause(text, name):
    cause = find_cause(text)
    assert cause is not None
    assert cause.name is name
    assert cause.words[0].islower()
    assert cause.cure


@pytest.mark.parametrize(
    "text",
    [
        'file has vanished: "/d/vbad/x (28)"',
        "rsync: link_stat './Permission denied' says nothing",
        "",
        "Welcome to sc6l",
    ],
)
def test_a_name_is_no_cause(text):
    assert find_cause(text) is None


def test_of_a_text_with_a_cause_its_line_stands_behind_ours_and_else_the_last_lines():
    assert original_words(CHANGED) == "WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!"
    assert original_words("one\n\ntwo\r\nthree\nfour\nfive\n") == "two; three; four; five"


@pytest.mark.parametrize("place", [0, 4_090, 4_100, 100_000, 240_000])
@pytest.mark.parametrize("piece", [777, 65_536])
def test_the_cause_is_kept_wherever_it_stands_in_long_noise(place, piece):
    noise = b"nothing of note is said in this line\n" * 6_800
    line = b'\nrsync: [receiver] mkstemp "/a/x" failed: Permission denied (13)\n'
    text = noise[:place] + line + noise[place:]
    messages = Messages()
    for start in range(0, len(text), piece):
        messages.add(text[start : start + piece])
    assert len(messages.text) <= 1 << 14
    cause = find_cause(messages.text)
    assert cause is not None
    assert cause.name is CauseName.PERMISSION


def test_short_messages_are_kept_whole():
    messages = Messages()
    for piece in (b"one\nt", b"wo\n", b"three"):
        messages.add(piece)
    assert messages.text == "one\ntwo\nthree"
