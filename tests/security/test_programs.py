"""Programs and secrets: no shell, no current folder, and no answer or password from a stranger."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import vampd
from tests.support.worlds.hostile.unprivileged import NOBODY
from vampd.adapters.authorities.answers import AnswerFolder, AnswerSnapshot
from vampd.adapters.authorities.authority_calls import CommandAuthority
from vampd.adapters.authorities.gen2 import Gen2Authority, look_for_gen2
from vampd.adapters.credentials import read_credentials
from vampd.adapters.programs.process import run_process
from vampd.disk.pace import SteadyPace
from vampd.errors import ConfigError, FrameIdsUnavailable

PACKAGE = Path(vampd.__file__).parent
LOGIN = "user\npassword\n"


def test_no_shell_is_started_here() -> None:
    shells = {"sh", "bash", "/bin/sh", "/bin/bash", "dash", "zsh"}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                assert not any(keyword.arg == "shell" for keyword in node.keywords), path
                assert getattr(node.func, "attr", "") not in ("system", "popen"), path
            if isinstance(node, ast.List | ast.Tuple) and node.elts:
                first = node.elts[0]
                is_shell = isinstance(first, ast.Constant) and first.value in shells
                assert not is_shell, f"{path}:{node.lineno}"


def test_a_program_in_the_current_folder_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = tmp_path / "rsync-of-vampd"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/trapped\n")
    trap.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f".::{os.environ['PATH']}:")
    with pytest.raises(ConfigError, match="is not installed"):
        run_process([trap.name], pace=SteadyPace(), silent_after_s=20)
    shown = run_process(["env"], pace=SteadyPace(), silent_after_s=20).stdout.decode()
    (path,) = [line for line in shown.splitlines() if line.startswith("PATH=")]
    assert all(map(os.path.isabs, path.removeprefix("PATH=").split(":")))
    assert not (tmp_path / "trapped").exists()


def test_no_module_in_the_current_folder_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("vampd", "multiprocessing", "g2base"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'trapped')!r}, 'w')\n")
    monkeypatch.chdir(tmp_path)
    authority = CommandAuthority(tmp_path / "answers", ("echo", "x"), 20, SteadyPace())
    assert list(authority.grant(1, None)) == ["x 1"]
    look_for_gen2((), SteadyPace(), 20)
    assert not (tmp_path / "trapped").exists()


def test_no_settings_in_the_current_folder_are_obeyed(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nsavefig.dpi: 3\n")
    script = "import vampd.cli.plotting.figure, matplotlib as m; print(m.rcParams['text.usetex'])"
    shown = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert shown.stdout == "False\n"


@pytest.mark.parametrize("way", ["link", "hard link"])
def test_what_a_command_prints_goes_into_no_file_of_others(tmp_path: Path, way: str) -> None:
    folder = tmp_path / "answers"
    folder.mkdir()
    victim = tmp_path / "victim"
    victim.write_text("kept")
    if way == "link":
        (folder / "printed").symlink_to(victim)
    else:
        os.link(victim, folder / "printed")
    with pytest.raises(FrameIdsUnavailable):
        CommandAuthority(folder, ("echo", "VMPA90000001"), 20, SteadyPace()).grant(1, None)
    assert victim.read_text() == "kept"


def test_what_a_command_is_given_is_not_read_by_a_shell(tmp_path: Path) -> None:
    command = ("printf", "%s\\n", f"VMPA90000001; touch {tmp_path}/x", "$(id)")
    authority = CommandAuthority(tmp_path / "answers", command, 20, SteadyPace())
    assert list(authority.grant(1, None)) == [f"VMPA90000001; touch {tmp_path}/x", "$(id)", "1"]
    assert not (tmp_path / "x").exists()


def test_an_answer_is_taken_from_its_owner_alone(tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    answer.write_text("VMPA00000001\n")
    own = str(os.geteuid())
    for owner in (own, None):
        assert AnswerFolder(tmp_path / "kept", answer, owner).look().lines == ("VMPA00000001",)
    for owner in ("no-such-user", str(NOBODY)):
        with pytest.raises(FrameIdsUnavailable, match="gen2_owner"):
            AnswerFolder(tmp_path / "kept", answer, owner).look()
    if os.geteuid() == 0:
        os.chown(answer, NOBODY, NOBODY)
        with pytest.raises(FrameIdsUnavailable, match="gen2_owner"):
            AnswerFolder(tmp_path / "kept", answer).look()
        assert AnswerFolder(tmp_path / "kept", answer, str(NOBODY)).look().lines


def test_an_answer_that_everyone_may_write_or_that_has_two_names_is_none(tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    answer.write_text("VMPA00000001\n")
    answer.chmod(0o666)
    with pytest.raises(FrameIdsUnavailable, match="everyone may write"):
        AnswerFolder(tmp_path / "kept", answer).look()
    answer.chmod(0o644)
    os.link(answer, tmp_path / "second")
    with pytest.raises(FrameIdsUnavailable, match="one name"):
        AnswerFolder(tmp_path / "kept", answer).look()


def test_an_answer_that_is_a_link_is_not_copied(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("private")
    (tmp_path / "answer").symlink_to("secret")
    with pytest.raises(FrameIdsUnavailable):
        AnswerFolder(tmp_path / "kept", tmp_path / "answer").look()


def test_an_answer_from_before_the_request_is_none(tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    authority = Gen2Authority(tmp_path / "kept", answer, 0.1, SteadyPace(), still_s=0.01)
    before = AnswerSnapshot(b"", 0)
    answer.write_text("VMPA00000001\n")
    folder = AnswerFolder(tmp_path / "kept", answer)
    now_ns = answer.stat().st_mtime_ns
    assert authority._await(folder, before, 1, time.monotonic() + 9, now_ns).lines
    with pytest.raises(FrameIdsUnavailable, match="nothing new"):
        authority._await(folder, before, 1, time.monotonic(), now_ns + 1)


def _login(path: Path, mode: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(LOGIN)
    path.chmod(mode)
    return path


def test_a_login_is_the_owners_alone_or_passed_by_systemd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_credentials(_login(tmp_path / "a", 0o600)).user == "user"
    for mode in (0o640, 0o604, 0o660):
        with pytest.raises(ConfigError) as caught:
            read_credentials(_login(tmp_path / f"{mode:o}", mode))
        assert caught.value.code == "credentials_unsafe"
        assert "password" not in caught.value.message
    passed = _login(tmp_path / "credentials" / "mail", 0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(passed.parent))
    assert read_credentials(passed).user == "user"
    with pytest.raises(ConfigError):
        read_credentials(_login(tmp_path / "credentials" / "other", 0o444))
