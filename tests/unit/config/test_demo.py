"""The demo's folder is its user's own; what others could have laid there is not believed."""

import os
import stat
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.conftest import ROOT
from vampd.cli import demo
from vampd.cli.shared import session
from vampd.config import (
    DEMO_VARIABLE,
    Settings,
    demo_folder,
    demo_text,
    make_demo_folder,
    parse_settings,
)
from vampd.errors import ConfigError, UsageError

_NOBODY = 65534
_AS_NOBODY = f"""
import os
from vampd.config import make_demo_folder
from vampd.errors import ConfigError
os.setgroups([])
os.setgid({_NOBODY})
os.setuid({_NOBODY})
try:
    print(make_demo_folder())
except ConfigError as error:
    print(error.code)
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(DEMO_VARIABLE, str(tmp_path / "demo"))
    return tmp_path / "demo"


def _as_nobody(folder: Path) -> str:
    """What another user is told who makes the demo's folder."""
    environment = {**os.environ, DEMO_VARIABLE: str(folder)}
    command = [sys.executable, "-c", _AS_NOBODY]
    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return run.stdout.strip()


def test_each_user_has_a_folder_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    folders = set()
    for user in (0, 1000):
        monkeypatch.setattr(os, "geteuid", lambda user=user: user)
        folders.add(str(demo_folder()))
    assert folders == {"/tmp/vampd-demo-0", "/tmp/vampd-demo-1000"}


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_the_folder_is_closed_to_all_others(folder: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        made = make_demo_folder()
    finally:
        os.umask(before)
    assert made == folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert make_demo_folder() == folder


def _file(folder: Path) -> None:
    folder.touch(0o600)


def _link(folder: Path) -> None:
    folder.with_name("elsewhere").mkdir(0o700)
    folder.symlink_to("elsewhere")


def _dangling_link(folder: Path) -> None:
    folder.symlink_to("nowhere")


def _open_folder(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o710)


def _another_s(folder: Path) -> None:
    folder.mkdir(0o700)
    os.chown(folder, _NOBODY, _NOBODY)


@pytest.mark.parametrize(
    "lay",
    [_file, _link, _dangling_link, _open_folder, pytest.param(_another_s, marks=as_root)],
)
def test_what_is_not_one_s_own_closed_folder_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, lay
) -> None:
    monkeypatch.setattr("vampd.config.place.MACHINE_CONFIG", Path("/nonexistent"))
    lay(folder)
    for ask in (make_demo_folder, demo_text, lambda: session.read_settings(None)):
        with pytest.raises(ConfigError) as refusal:
            ask()
        assert refusal.value.code == "demo_folder_foreign"
        assert str(folder) in refusal.value.message
        assert (f"`chmod 700 {folder}`" in refusal.value.message) == (lay is _open_folder)


@as_root
def test_another_user_is_refused_one_s_folder_and_makes_their_own() -> None:
    with TemporaryDirectory() as name:  # below pytest's folder nobody else may go
        place = Path(name)
        place.chmod(0o1777)
        (place / "mine").mkdir(0o700)
        assert _as_nobody(place / "mine") == "demo_folder_foreign"
        assert _as_nobody(place / "theirs") == str(place / "theirs")
        assert (place / "theirs").stat().st_uid == _NOBODY


def _paths(settings: Settings) -> list[Path]:
    return [
        settings.watch.root,
        settings.database.path,
        settings.transfer.archive.path,
        settings.transfer.engineering.path,
    ]


@pytest.mark.parametrize("name", ["demo", 'a "demo" of\tμ\\'])
def test_all_that_the_demo_does_lies_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(DEMO_VARIABLE, str(tmp_path / name))
    for path in _paths(parse_settings(demo_text(), "demo")):
        assert path.is_relative_to(tmp_path / name)


def test_without_a_configuration_it_is_the_demo_s(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vampd.config.place.MACHINE_CONFIG", Path("/nonexistent"))
    assert session.read_settings(None) == parse_settings(demo_text(), "demo")
    assert session.read_settings(None).watch.root == folder / "fuuu"
    assert not folder.exists()


def test_a_demo_removes_what_an_earlier_one_left_and_nothing_else(folder: Path) -> None:
    config = demo._make_room()
    assert config.read_text() == demo_text()
    (folder / "fuuu").mkdir()
    (folder / "fuuu" / "cube").touch()
    outside = folder.with_name("outside")
    outside.mkdir()
    (outside / "kept").touch()
    (folder / "link").symlink_to(outside)
    assert demo._make_room() == config
    assert {path.name for path in folder.iterdir()} == {demo._MARK, config.name}
    assert (outside / "kept").exists()


def test_a_folder_that_holds_other_things_is_left_alone(folder: Path) -> None:
    folder.mkdir(0o700)
    (folder / "thesis").touch()
    with pytest.raises(UsageError):
        demo._make_room()
    assert (folder / "thesis").exists()
