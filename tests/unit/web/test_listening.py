"""Where the page listens: an address, or a socket that members may use."""

import asyncio
import os
import socket
import stat
from pathlib import Path

import pytest

from vampd.config.web import address_of
from vampd.errors import VampdError
from vampd.web.serving.listening import open_listening, place_of


def test_an_address_is_printed_as_browsers_take_it() -> None:
    with open_listening(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert address_of(place_of(listening)) == f"http://127.0.0.1:{port}/"
        with pytest.raises(VampdError, match=f"127.0.0.1:{port}: Address already in use") as error:
            open_listening(("127.0.0.1", port))
        assert error.value.code == "cannot_listen"
    with open_listening(("::1", 0)) as listening:
        assert address_of(place_of(listening)) == f"http://[::1]:{listening.getsockname()[1]}/"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_no_part_of_an_answer_waits_for_the_browser_to_acknowledge_another(host: str) -> None:
    async def delays() -> bool:
        asked = asyncio.get_running_loop().create_future()

        def hear(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            option = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            writer.close()
            asked.set_result(option == 0)

        with open_listening((host, 0)) as listening:
            async with await asyncio.start_server(hear, sock=listening):
                with socket.create_connection(listening.getsockname()[:2]):
                    return await asked

    assert asyncio.run(delays()) is False


def test_a_socket_is_for_its_owner_and_group(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    mask = os.umask(0o022)
    try:
        with open_listening(path) as listening:
            assert address_of(place_of(listening)) == f"unix:{path}"
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
            assert os.umask(0o022) == 0o022
    finally:
        os.umask(mask)


def test_a_socket_that_was_left_is_taken_over_and_one_in_use_is_not(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    open_listening(path).close()
    with open_listening(path):
        with pytest.raises(VampdError, match="cannot listen"):
            open_listening(path)
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(path))


def test_what_is_no_socket_stays(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    path.write_text("mine")
    with pytest.raises(VampdError):
        open_listening(path)
    assert path.read_text() == "mine"
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(VampdError):
        open_listening(path)
    assert path.is_symlink()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(VampdError, match=r"web\.sock: No such file"):
        open_listening(tmp_path / "nowhere" / "web.sock")
