"""An sshd, a night to send and a disk to send it to."""

import os

import pytest

from tests.support.fakes.fake_night_reader import FakeFile
from tests.support.tools.sshd import keys_of, running_sshd
from tests.support.worlds.archive.archive_sites import (
    NIGHT,
    local_transfer,
    ssh_transfer,
    write_file,
)
from tests.support.worlds.archive.arrivals import PRODUCTS, SIZE


@pytest.fixture(scope="module")
def sshd(tmp_path_factory, tool):
    with running_sshd(tmp_path_factory.mktemp("sshd"), tool) as server:
        yield server


@pytest.fixture
def night_folder(tmp_path):
    folder = tmp_path / "root" / NIGHT.date
    for number, path in enumerate(PRODUCTS):
        write_file(folder, path, FakeFile(os.urandom(SIZE), FakeFile.mtime_ns + number))
    return folder


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    return folder


@pytest.fixture(params=["local", "ssh"])
def transfer_to(request, sshd):
    """Settings that lead to a folder, directly or through sshd."""

    def make(folder, **others):
        if request.param == "local":
            return local_transfer(folder, **others)
        return ssh_transfer(folder, sshd.ssh, **others)

    return make


@pytest.fixture
def login(sshd):
    """Make every login run its command through these words of the shell."""
    authorized = keys_of(sshd) / "authorized_keys"
    before = authorized.read_text()

    def run_through(words: str) -> None:
        command = f'{words} \\"$SSH_ORIGINAL_COMMAND\\"'
        authorized.write_text(f'command="{command}" {before}')

    yield run_through
    authorized.write_text(before)
