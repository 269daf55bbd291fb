"""What the programs say of themselves, at the width of an old terminal."""

from collections.abc import Iterator

import pytest
import typer.core

from docs.manual import Command, command_of
from vampd.cli import daemon
from vampd.cli.program import make_app

_WIDTH = 80
_GAPS = 8  # around the two columns of the list of commands


def _commands(command: Command, name: str) -> Iterator[tuple[str, Command]]:
    yield name, command
    if isinstance(command, typer.core.TyperGroup):
        for last_name, below in command.commands.items():
            assert isinstance(below, Command)
            yield from _commands(below, f"{name} {last_name}")


COMMANDS = {
    **dict(_commands(command_of(make_app()), "vampctl")),
    **dict(_commands(command_of(daemon.app), "vampd")),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples_that_fit(name: str) -> None:
    heading, *lines = (COMMANDS[name].epilog or "").replace("\b", "").strip().splitlines()
    assert heading == "Examples:"
    assert any(line.strip().startswith(name) for line in lines)
    assert [line for line in lines if len(f"  {line}") > _WIDTH] == []


@pytest.mark.parametrize("name", [name for name in COMMANDS if " " in name])
def test_a_list_of_commands_shows_each_in_one_whole_line(name: str) -> None:
    group = COMMANDS[name.rpartition(" ")[0]]
    assert isinstance(group, typer.core.TyperGroup)
    room = _WIDTH - _GAPS - max(map(len, group.commands))
    assert not COMMANDS[name].get_short_help_str(room).endswith("...")


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, command in COMMANDS.items()
        if name.count(" ") == 1 and not isinstance(command, typer.core.TyperGroup)
    ],
)
def test_a_command_made_alone_is_the_one_among_all(name: str) -> None:
    word = name.removeprefix("vampctl ")
    alone = command_of(make_app(word))
    assert isinstance(alone, typer.core.TyperGroup)
    (only,) = alone.commands.values()
    context = typer.Context(COMMANDS[name], info_name=name)
    assert (only.name, only.get_help(context)) == (word, COMMANDS[name].get_help(context))
