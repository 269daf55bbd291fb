"""The manual pages, made of what the programs themselves say: `-h`, and ``config/vampd.toml``.

``python -m docs.manual FOLDER`` writes ``man8/vampd.8``, ``man8/vampd-web.8``,
``man8/vampd-worker.8``, ``man1/vampctl.1`` and ``man5/vampd.toml.5`` below the folder; `make
install` does so. Nothing is written twice: a command, an option or a key that is new is in the
manual.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import typer.core
import typer.main
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from vampd import __version__
from vampd.cli import daemon, worker
from vampd.cli.program import make_app
from vampd.config import Settings, packaged_file
from vampd.web import program

Command = typer.core.TyperCommand | typer.core.TyperGroup

PROGRAMS = {
    "vampd": daemon.app,
    "vampctl": make_app(),
    "vampd-web": program.app,
    "vampd-worker": worker.app,
}
_SEE_ALSO = {
    "vampd": "8",
    "vampctl": "1",
    "vampd-web": "8",
    "vampd-worker": "8",
    "vampd.toml": "5",
}
_FILES = (
    ("/etc/vampd/vampd.toml", "The configuration of the service, see vampd.toml(5)."),
    ("/var/lib/vampd", "The database, and requests: its group reads, and asks."),
)
_INTRODUCTION = (
    "The file /etc/vampd/vampd.toml, in TOML. Unknown keys, wrong types and values are refused.",
    "The keys are shown as they are set in the file that vampd brings, or with an example. A key"
    " that is left out has its default, which is given where the value shown is not it.",
)
_TABLE = re.compile(r"\[([\w.]+)\]\s*(?:# (.*))?")
# One of many tables, shown by example: its keys stand further in.
_ONE_OF_MANY = re.compile(r"# (\[\[(\w+)\]\])\s*# (.*)")
_KEY_OF_ONE = re.compile(r"#   (?=\w+ = )")
_KEY = re.compile(r"(?:# )?(?P<key>\w+) = (?P<value>.*?)(?:\s+# (?P<text>.*))?")
_MORE_TEXT = re.compile(r"#?\s+# (.*)")
_MORE_VALUE = re.compile(r"#\s+(?P<value>.*?)(?:\s+# (?P<text>.*))?")


def write_manual(folder: Path) -> None:
    """Write the pages below ``folder``."""
    pages = {name: list(program_page(name, app)) for name, app in PROGRAMS.items()}
    settings = packaged_file("vampd.toml").read_text()
    pages["vampd.toml"] = list(settings_page("vampd.toml", settings))
    for name, lines in pages.items():
        section = _SEE_ALSO[name]
        page = folder / f"man{section}" / f"{name}.{section}"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("\n".join(lines) + "\n")


def program_page(name: str, app: typer.Typer) -> Iterator[str]:
    """The page of a program, with all its commands, as lines of man(7)."""
    program = command_of(app)
    help_text = _paragraphs(program.help)
    yield from _head(name, help_text[0].partition(";")[0])
    yield from (".SH SYNOPSIS", f".B {name}", *_usage(program, name))
    yield from (".SH DESCRIPTION", *_paragraph_lines(help_text))
    yield from (".SH OPTIONS", *_parameters(program, name))
    if isinstance(program, typer.core.TyperGroup):
        yield ".SH COMMANDS"
        for full_name, command in _commands(program, name):
            yield f".SS {_escaped(full_name)}"
            yield from (f".B {_escaped(full_name)}", *_usage(command, full_name))
            yield from (".PP", *_paragraph_lines(_paragraphs(command.help)))
            yield from _parameters(command, full_name)
            yield from _examples(command)
    yield from (".SH EXAMPLES", *_examples(program))
    yield ".SH FILES"
    for path, text in _FILES:
        yield from (".TP", f".I {_escaped(path)}", _escaped(text))
    yield from _tail(name)


def _commands(group: typer.core.TyperGroup, name: str) -> Iterator[tuple[str, Command]]:
    for last_name, command in group.commands.items():
        full_name = f"{name} {last_name}"
        if isinstance(command, typer.core.TyperGroup):
            if command.invoke_without_command:
                yield full_name, command
            yield from _commands(command, full_name)
        else:
            assert isinstance(command, Command)
            yield full_name, command


@dataclass
class _Key:
    key: str
    value: list[str]
    text: list[str]


def command_of(app: typer.Typer) -> Command:
    """What typer makes of a program, which knows its commands and their parameters."""
    command = typer.main.get_command(app)
    assert isinstance(command, Command)
    return command


def settings_page(name: str, settings: str) -> Iterator[str]:
    """The page of the configuration, from the text of the one that vampd brings."""
    lines = settings.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("["))
    yield from _head(name, "the configuration of vampd")
    yield from (".SH DESCRIPTION", *_paragraph_lines(_INTRODUCTION))
    keys: list[_Key] = []
    name_of_table = ""
    for line in lines[first:]:
        if one := _ONE_OF_MANY.fullmatch(line):
            yield from _key_lines(name_of_table, keys)
            keys = []
            name_of_table = one[2]
            yield from (f".SH {_escaped(one[1])}", _escaped(one[3]))
        elif not keys and (more := _MORE_TEXT.fullmatch(line)):
            yield _escaped(more[1])
        elif table := _TABLE.fullmatch(line):
            yield from _key_lines(name_of_table, keys)
            keys = []
            name_of_table = table[1]
            yield f".SH [{_escaped(name_of_table)}]"
            if table[2]:
                yield _escaped(table[2])
        elif line.strip():
            _read_key(line, keys)
    yield from _key_lines(name_of_table, keys)
    yield from _tail(name)


def _read_key(line: str, keys: list[_Key]) -> None:
    """Add a line of a table to its keys: a new one, or more of the last one's text or value."""
    if match := _KEY.fullmatch(_KEY_OF_ONE.sub("# ", line)):
        text = [match["text"]] if match["text"] else []
        keys.append(_Key(match["key"], [match["value"]], text))
    elif match := _MORE_TEXT.fullmatch(line):
        keys[-1].text.append(match[1])
    elif match := _MORE_VALUE.fullmatch(line):
        keys[-1].value.append(match["value"])
        keys[-1].text += [match["text"]] if match["text"] else []
    else:
        raise ValueError(f"vampd.toml: expected 'key = value  # text', found {line!r}")


def _key_lines(table: str, keys: Sequence[_Key]) -> Iterator[str]:
    for key in keys:
        value = " ".join(key.value)
        default = default_text(table, key.key)
        is_stated = _same(value, default) or "default" in " ".join(key.text)
        stated = "" if is_stated else f"(default: {default})"
        yield from (".TP", rf"\fB{_escaped(key.key)}\fR = {_escaped(value)}")
        yield _escaped(" ".join([*key.text, stated]).strip()) or r"\&"


def default_text(table: str, key: str) -> str:
    """A key's default as TOML writes it; 'none' if there is none."""
    model: type[BaseModel] = Settings
    for name in table.split("."):
        annotation = model.model_fields[name].annotation
        # Of many tables, what each of them is.
        annotation = next(iter(get_args(annotation)), annotation)
        assert isinstance(annotation, type)
        assert issubclass(annotation, BaseModel)
        model = annotation
    field = model.model_fields[key]
    if field.is_required():
        return "none, it must be set"
    value = field.get_default()
    if value is None:
        return "none"
    return json.dumps(to_jsonable_python(value), ensure_ascii=False)


def _same(value: str, default: str) -> bool:
    shown = tomllib.loads(f"value = {value}")["value"]
    try:
        known = json.loads(default)
    except ValueError:
        return False
    # A time of the day has seconds where no one writes them.
    return bool(shown == known or (isinstance(known, str) and f"{shown}:00" == known))


def _head(name: str, purpose: str) -> Iterator[str]:
    yield f'.TH "{name.upper()}" {_SEE_ALSO[name]} "" "vampd {__version__}" "VAMPIRES pipeline"'
    # Neither hyphens nor blanks are put into what people copy; every heading and paragraph turns
    # hyphens on again unless the register HY says no.
    yield from (".nr HY 0", ".nh", ".ad l")
    yield from (".SH NAME", rf"{name} \- {_escaped(purpose[0].lower() + purpose[1:].rstrip('.'))}")


def _tail(name: str) -> Iterator[str]:
    others = [f".BR {other} ({section})" for other, section in _SEE_ALSO.items() if other != name]
    yield from (".SH SEE ALSO", " ,\n".join(others))


def _usage(command: Command, name: str) -> list[str]:
    return [_escaped(" ".join(command.collect_usage_pieces(_context(command, name))))]


def _parameters(command: Command, name: str) -> Iterator[str]:
    context = _context(command, name)
    for parameter in command.get_params(context):
        if record := parameter.get_help_record(context):
            names, text = record
            yield from (".TP", rf"\fB{_escaped(names)}\fR", _escaped(text) or r"\&")


def _context(command: Command, name: str) -> typer.Context:
    return typer.Context(command, info_name=name, help_option_names=["-h", "--help"])


def _paragraph_lines(paragraphs: Sequence[str]) -> Iterator[str]:
    for number, paragraph in enumerate(paragraphs):
        yield from ([".PP"] if number else [])
        yield _escaped(paragraph)


def _paragraphs(text: str | None) -> list[str]:
    return [" ".join(part.split()) for part in (text or "").split("\n\n") if part.strip()]


def _examples(command: Command) -> Iterator[str]:
    lines = (command.epilog or "").replace("\b", "").strip("\n").splitlines()
    if lines:
        # The first one is the heading, the others are indented by two.
        yield from (".PP", ".EX", *(_escaped(line) for line in lines[1:]), ".EE")


def _escaped(text: str) -> str:
    """Text that troff shows as it is: backslashes, hyphens, and what begins like a request."""
    shown = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{shown}" if shown[:1] in (".", "'") else shown


if __name__ == "__main__":
    write_manual(Path(sys.argv[1]))
