import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.adapters.archive.rsync import (
    Durability,
    Near,
    names_text,
    remote_shell_text,
    rsync_arguments,
    rsync_error,
)
from vampd.adapters.programs import Ended
from vampd.errors import DataError, DiskFull, RemoteUnavailable, TransientError
from vampd.model.plan import Compare

SENDING, WRITING = Near("/here", sends=True), Near("/here", sends=False)


def arguments(
    compare=Compare.SIZE_AND_TIME,
    durability=Durability.DEFAULT,
    remote_shell=None,
):
    return rsync_arguments(
        "/data/20251106",
        "/archive/20251106",
        compare=compare,
        durability=durability,
        timeout_s=9.5,
        remote_shell=remote_shell,
    )


def ended(status, stderr):
    return Ended(status, b"", stderr, 0.0)


@pytest.mark.parametrize("compare", Compare)
def test_habits_that_damage_archives_are_never_asked_for(compare):
    given_words = arguments(compare, Durability.FSYNC, ["ssh", "-T"])
    copying = ["-P", "-L", "--copy-links", "-a", "--mkpath", "--exclude"]
    for bad in [*copying, "-u", "--update", "--inplace", "--append"]:
        assert not [word for word in given_words if word == bad or word.startswith(f"{bad}=")]
    assert not [word for word in given_words if word.startswith("--del")]
    assert {"--files-from=-", "--from0", "--partial-dir=.vampd-partial"} <= set(given_words)
    assert given_words[-3:] == ["--", "/data/20251106/", "/archive/20251106/"]


def test_only_a_repair_compares_by_checksum():
    assert "--checksum" in arguments(Compare.CHECKSUM)
    assert "--checksum" not in arguments(Compare.SIZE_AND_TIME)


def test_only_what_is_sent_by_name_leaves_all_that_is_there():
    assert [one for one in Compare if "--ignore-existing" in arguments(one)] == [Compare.NAME]


def test_a_timeout_is_rounded_to_whole_seconds_and_never_to_none():
    assert "--timeout=10" in arguments()


@given(st.lists(st.text("ab '\"=/@:", max_size=8), min_size=1))
def test_rsync_splits_the_remote_shell_into_the_same_words(words):
    assert split_as_rsync(remote_shell_text(words)) == words


def split_as_rsync(text):
    """The rules of rsync(1), --rsh: blanks part words, quotes keep blanks, doubled is one quote."""
    words, position = [], 0
    while position < len(text):
        if text[position] == " ":
            position += 1
            continue
        word, quote = "", ""
        while position < len(text) and (quote or text[position] != " "):
            letter = text[position]
            if not quote and letter in "'\"":
                quote = letter
            elif quote and letter == quote:
                if text[position + 1 : position + 2] == quote:
                    word += quote
                    position += 1
                else:
                    quote = ""
            else:
                word += letter
            position += 1
        words.append(word)
    return words


def test_names_are_ended_by_nul_as_the_bytes_that_they_are():
    assert names_text(["vgen2/a:b.txt", "vbad/\udcff"]) == b"vgen2/a:b.txt\0vbad/\xff\0"


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../other", "vgen2/../../x", "a\0b"])
def test_a_path_that_leaves_the_night_is_refused(path):
    with pytest.raises(ValueError, match="below the night"):
        names_text([path])


@pytest.mark.parametrize(
    ("status", "stderr", "kind", "code"),
    [
        (
            11,
            'rsync: [receiver] write failed on "/a/x": No space left on device (28)\n'
            "rsync error: error in file IO (code 11) at receiver.c(380) [receiver=3.2.7]\n",
            DiskFull,
            "archive_full",
        ),
        (
            12,
            'rsync: [receiver] write failed on "/a/x": Aucun espace disponible (28)\n'
            "rsync: connection unexpectedly closed\n",
            DiskFull,
            "archive_full",
        ),
        (11, 'rsync: [receiver] mkstemp "/a/.x" failed: Disk quota exceeded (122)\n', DiskFull, ""),
        (
            11,
            'rsync: [Receiver] mkdir "/a/20251106" failed: No such file or directory (2)\n',
            RemoteUnavailable,
            "archive_folder_missing",
        ),
        (255, "ssh: connect to host x port 22: Connection refused\n", RemoteUnavailable, ""),
        (30, "rsync error: timeout in data send/receive (code 30)\n", RemoteUnavailable, ""),
        (12, "rsync: connection unexpectedly closed (0 bytes)\n", RemoteUnavailable, ""),
        (127, "sh: rsync: not found\n", RemoteUnavailable, "archive_unreachable"),
        (
            23,
            'rsync: [sender] send_files failed to open "/d/vgen2/x": Permission denied (13)\n',
            TransientError,
            "source_unreadable",
        ),
        (23, 'rsync: [sender] link_stat "/d/x" failed: No such file (2)\n', TransientError, ""),
        (24, 'file has vanished: "/d/vgen2/x"\n', TransientError, "source_vanished"),
        (
            23,
            'rsync: [receiver] mkstemp "/a/vgen2/.x" failed: Permission denied (13)\n',
            TransientError,
            "transfer_failed",
        ),
        (
            23,
            "cannot delete non-empty directory: vgen2/x\n"
            "could not make way for new regular file: vgen2/x\n",
            DataError,
            "not_a_file",
        ),
        (-9, "", TransientError, "transfer_killed"),
        (20, "rsync error: received SIGINT\n", TransientError, "transfer_killed"),
        (1, "rsync: unknown option\n", TransientError, "transfer_failed"),
    ],
)
def test_every_bad_exit_has_its_meaning(status, stderr, kind, code):
    error = rsync_error(ended(status, stderr), "host:/a/20251106", SENDING)
    assert type(error) is kind
    assert error.code == code or not code
    assert error.message


def test_a_name_with_a_number_in_it_is_no_full_disk():
    error = rsync_error(ended(24, 'file has vanished: "/d/vbad/x (28).fits"\n'), "host:/a", SENDING)
    assert not isinstance(error, DiskFull)
    assert "x (28).fits" in error.message


SIDES = (
    ("[sender]", "change_dir", SENDING, "/here"),
    ("[receiver]", "change_dir", SENDING, "host:/a"),
    ("[generator]", "recv_generator", SENDING, "host:/a"),
    ("[sender]", "change_dir", WRITING, "host:/a"),
    ("[receiver]", "write", WRITING, "/here"),
    ("[generator]", "recv_generator", WRITING, "/here"),
)
WORDS = (
    ("No such file or directory (2)", "a folder or file is missing, at"),
    ("No space left on device (28)", "the disk is full: no space or no inodes, at"),
    ("Read-only file system (30)", "the file system is mounted read-only, at"),
)


@pytest.mark.parametrize(("role", "call", "near", "place"), SIDES)
@pytest.mark.parametrize(("said", "shown"), WORDS)
def test_the_message_names_the_side_that_the_cause_is_on(role, call, near, place, said, shown):
    stderr = f'rsync: {role} {call} "/some/path" failed: {said}\n'
    error = rsync_error(ended(11, stderr), "host:/a", near)
    assert error.message.startswith(f"{shown} {place}; ")


@pytest.mark.parametrize(("near", "code"), [(SENDING, "archive_full"), (WRITING, "disk_full")])
def test_a_full_disk_has_the_code_of_its_side(near, code):
    stderr = 'rsync: [receiver] write failed on "/x": No space left on device (28)\n'
    assert rsync_error(ended(11, stderr), "host:/a", near).code == code
