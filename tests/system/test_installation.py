"""What `make install` puts where: programs, manual and completions, before those who read them."""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from docs.completion import write_completions
from docs.manual import command_of, default_text, settings_page, write_manual
from tests.support.tools.service import REPOSITORY, installed
from vampd.adapters.archive.gate import format_gate
from vampd.cli import program
from vampd.config import Settings, packaged_file

PAGES = ("man8/vampd.8", "man8/vampd-web.8", "man1/vampctl.1", "man5/vampd.toml.5")
GATE = "share/doc/vampd/vampd-archive-gate"
COMMANDS = tuple(getattr(command_of(program.make_app()), "commands", ()))


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("manual")
    write_manual(folder)
    return folder


@pytest.fixture(scope="module")
def completions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("completions")
    write_completions(folder)
    return folder


def read(tool: Callable[[str], str], page: Path, width: int = 80) -> str:
    """What man shows; it complains of nothing."""
    shown = subprocess.run(
        [tool("man"), "--warnings=w", "--local-file", str(page)],
        env={"MANWIDTH": str(width), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stderr == ""
    return shown.stdout


@pytest.mark.parametrize("page", PAGES)
def test_man_reads_the_manual_without_complaint(
    tool: Callable[[str], str], manual: Path, page: str
) -> None:
    text = read(tool, manual / page)
    assert "NAME" in text
    assert "SEE ALSO" in text


@pytest.mark.parametrize("page", PAGES[:2])
def test_the_manual_fits_a_narrow_terminal(
    tool: Callable[[str], str], manual: Path, page: str
) -> None:
    text = read(tool, manual / page)
    assert max(map(len, text.splitlines())) <= 80
    assert "\N{HYPHEN}" not in text  # no word is broken: people copy them


def test_every_command_is_in_the_manual(tool: Callable[[str], str], manual: Path) -> None:
    text = read(tool, manual / "man1/vampctl.1", width=160)
    assert COMMANDS
    for command in COMMANDS:
        assert re.search(rf"^ +vampctl {command}\b", text, re.MULTILINE), command


def test_every_key_is_in_the_manual(tool: Callable[[str], str], manual: Path) -> None:
    text = read(tool, manual / "man5/vampd.toml.5", width=160)
    reported: dict[type, set[str]] = {}
    for table, model in tables():
        section = re.split(rf"^\[{re.escape(table)}\]$", text, flags=re.MULTILINE)[1]
        section = re.split(r"^\[", section, flags=re.MULTILINE)[0]
        reported.setdefault(model, set()).update(re.findall(r"^ +(\w+) = ", section, re.MULTILINE))
    # Two tables of one kind may share what is told of their keys.
    for model, names in reported.items():
        fields = model.model_fields  # type: ignore[attr-defined]
        assert names == {name for name in fields if not is_table(fields[name])}, model


def tables(model: type = Settings, name: str = "") -> Iterator[tuple[str, type]]:
    for key, field in model.model_fields.items():  # type: ignore[attr-defined]
        if is_table(field):
            yield f"{name}.{key}".strip("."), field.annotation
            yield from tables(field.annotation, f"{name}.{key}".strip("."))


def is_table(field: FieldInfo) -> bool:
    return hasattr(field.annotation, "model_fields")


def test_a_default_that_is_not_the_value_shown_is_reported() -> None:
    page = "\n".join(settings_page("vampd.toml", "[retry]\nattempts = 3   # then it is held\n"))
    assert default_text("retry", "attempts") == "12"
    assert "then it is held (default: 12)" in page
    page = "\n".join(settings_page("vampd.toml", "[retry]\n# attempts = 12   # then it is held\n"))
    assert "default:" not in page


def test_what_is_no_key_is_refused_by_the_manual() -> None:
    with pytest.raises(ValueError, match="expected 'key = value"):
        list(settings_page("vampd.toml", "[retry]\nattempts: 3\n"))


def test_the_shipped_settings_are_the_ones_of_the_manual() -> None:
    assert list(settings_page("vampd.toml", packaged_file("vampd.toml").read_text()))


def complete(tool: Callable[[str], str], completions: Path, *words: str) -> set[str]:
    """What bash offers for the last word."""
    script = (
        'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1));'
        ' _vampctl_words; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    path = completions / "bash-completion/completions/vampctl"
    shown = subprocess.run(
        [tool("bash"), "--norc", "-euc", script, "bash", str(path), *words],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stderr == ""
    return set(shown.stdout.split())


def test_bash_completes_commands_options_and_choices(
    tool: Callable[[str], str], completions: Path
) -> None:
    assert complete(tool, completions, "vampctl", "") >= {*COMMANDS, "--config", "--help"}
    assert complete(tool, completions, "vampctl", "rel") == {"release"}
    assert "--from" in complete(tool, completions, "vampctl", "retry", "20251106", "--")
    found = complete(tool, completions, "vampctl", "retry", "20251106", "--kind", "e")
    assert found == {"engineering"}
    for words in (("retry", "20251106", "--from"), ("run", ".", "--until"), ("run", ".", "--only")):
        assert complete(tool, completions, "vampctl", *words, "f") == {"frameids", "fpack"}
    # Names of files are left to bash itself.
    assert complete(tool, completions, "vampctl", "--config", "") == set()


def test_zsh_reads_its_completion(tool: Callable[[str], str], completions: Path) -> None:
    script = (
        "fpath=($1 $fpath); autoload -U compinit; compinit -u -D;"
        " autoload -U bashcompinit; bashcompinit;"
        " print $_comps[vampctl]; source $1/_vampctl 2>/dev/null;"
        " words=; COMP_WORDS=(vampctl ''); COMP_CWORD=1; emulate ksh -c _vampctl_words;"
        " print $COMPREPLY"
    )
    shown = subprocess.run(
        [tool("zsh"), "-fc", script, "zsh", str(completions / "zsh/site-functions")],
        capture_output=True,
        text=True,
        check=True,
    )
    completer, *offered = shown.stdout.split()
    assert completer == "_vampctl"
    assert {*COMMANDS} <= {*offered}  # zsh itself leaves out what does not begin so


@pytest.mark.soak
def test_install_puts_everything_in_place_and_uninstall_takes_it_away(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    staging = installed(tmp_path_factory.getbasetemp())
    # Links to what lies there; the interpreter itself is not copied.
    copy = tmp_path / "copy"
    subprocess.run(["cp", "--archive", "--link", str(staging), str(copy)], check=True)
    files = {str(path.relative_to(copy)) for path in copy.rglob("*") if not path.is_dir()}
    outside = {name for name in files if not name.startswith("usr/local/lib/vampd/")}
    assert outside >= {
        "etc/vampd/vampd.toml",
        "usr/local/bin/vampctl",
        "usr/local/bin/vampd",
        "usr/local/lib/systemd/system/vampd.service",
        "usr/local/lib/sysusers.d/vampd.conf",
        "usr/local/lib/tmpfiles.d/vampd.conf",
        f"usr/local/{GATE}",
        *(f"usr/local/share/man/{page}" for page in PAGES),
    }
    assert (copy / "usr/local" / GATE).read_text() == format_gate()
    launcher = (copy / "usr/local/lib/vampd/bin/vampd").read_text()
    assert launcher.startswith("#!/usr/local/lib/vampd/bin/python")
    assert str(staging) not in launcher
    subprocess.run(["make", "--silent", "uninstall", f"DESTDIR={copy}"], cwd=REPOSITORY, check=True)
    left = {str(path.relative_to(copy)) for path in copy.rglob("*") if not path.is_dir()}
    assert left == {"etc/vampd/vampd.toml"}
