"""What shells complete: commands, options and their choices, as bash and zsh take it.

``python -m docs.completion FOLDER`` writes ``bash-completion/completions/`` and
``zsh/site-functions/`` below the folder; `make install` does so. The scripts are plain text, so
that a tab costs no start of Python, but where a night may stand: these the database knows.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import typer
import typer.core

from docs.manual import PROGRAMS, Command, command_of
from vampd.cli.explanations import explanations
from vampd.cli.shared import night_dates
from vampd.cli.shared.nights import NightWord
from vampd.cli.shared.session import READ_NIGHT
from vampd.simulate.presets import PRESETS

_BASH = "bash-completion/completions/{name}"
_ZSH = "zsh/site-functions/_{name}"
# As the help shows them: `--kind <archive|engineering>`.
_NIGHT = "NIGHT"
_CHOICES = re.compile(r"[<{\[]([\w-]+(?:\|[\w-]+)+)[>}\]]")


# What the shell puts in its place.
NIGHTS = "$(_vampctl_nights)"


@dataclass(frozen=True)
class Words:
    """What may follow a command; ``values`` says what may follow an option that takes a value."""

    words: tuple[str, ...]
    values: dict[str, tuple[str, ...]]


def write_completions(folder: Path) -> None:
    """Write the scripts of all programs below ``folder``."""
    for name, app in PROGRAMS.items():
        for path, lines in (
            (_BASH, bash_completion(name, command_of(app))),
            (_ZSH, zsh_completion(name, command_of(app))),
        ):
            script = folder / path.format(name=name)
            script.parent.mkdir(parents=True, exist_ok=True)
            script.write_text("\n".join(lines) + "\n")


def words_of(command: Command, name: str) -> Words:
    """The words of a command: its own commands, its options, the choices of both.

    `NIGHTS` among them stands for the nights on record.
    """
    words: list[str] = list(getattr(command, "commands", ()))
    values: dict[str, tuple[str, ...]] = {}
    context = typer.Context(command, info_name=name, help_option_names=["-h", "--help"])
    for parameter in command.get_params(context):
        named, _ = parameter.get_help_record(context) or ("", "")
        match = _CHOICES.search(named)
        choices = tuple(match[1].split("|")) if match else _members(parameter)
        if not choices:
            choices = _known(name, parameter)
        if parameter.param_type_name == "argument":
            words += choices
            continue
        names = [*parameter.opts, *parameter.secondary_opts]
        words += names
        if not named.endswith(tuple(names)):  # but with what stands for its value
            values |= dict.fromkeys(names, choices)
    return Words(tuple(words), values)


def _members(parameter: object) -> tuple[str, ...]:
    """The choices that the help gives another name, as in `--from STAGE`."""
    kind = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    return tuple(kind) if isinstance(kind, type) and issubclass(kind, StrEnum) else ()


def _known(command: str, parameter: object) -> tuple[str, ...]:
    """What may stand there and is in no help: nights, codes, presets."""
    metavar = str(getattr(parameter, "metavar", None) or "").split("|")[0]
    if metavar == _NIGHT and command != "simulate":
        takes_words = getattr(parameter, "help", None) == READ_NIGHT
        return (NIGHTS, *(NightWord if takes_words else ()))
    if (command, metavar) == ("explain", "CODE"):
        return tuple(sorted({one.code for one in explanations()}))
    if (command, metavar) == ("simulate", "NAME"):
        return ("list", *PRESETS)
    return ()


def bash_completion(name: str, program: Command) -> Iterator[str]:
    """A script for bash: no more than lists of words, and file names after other options."""
    yield from _function(name, program)
    yield f"complete -o default -F _{name}_words {name}"


def zsh_completion(name: str, program: Command) -> Iterator[str]:
    """A script for zsh, which understands bash's by means of its own."""
    yield f"#compdef {name}"
    yield from _function(name, program)
    yield "autoload -U +X bashcompinit && bashcompinit"
    yield f"_bash_complete -o default -F _{name}_words"


def _function(name: str, program: Command) -> Iterator[str]:
    yield f"# Completion of {name}, made by docs.completion."
    commands = dict(getattr(program, "commands", {}))
    if commands:
        yield from _nights_function(name)
    yield f"_{name}_words() {{"
    yield "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= i"
    if commands:
        yield "    for ((i = 1; i < COMP_CWORD; i++)); do"
        yield "        case ${COMP_WORDS[i]} in"
        yield f"            {'|'.join(commands)}) command=${{COMP_WORDS[i]}}; break ;;"
        yield "        esac"
        yield "    done"
    yield "    COMPREPLY=()"
    yield '    case "$command $before" in'
    every = {"": words_of(program, name)}
    every |= {one: words_of(command, one) for one, command in commands.items()}
    for command_name, words in every.items():
        for option, choices in words.values.items():
            yield f'        "{command_name} {option}") {_reply(choices)}; return ;;'
    yield from ("    esac", '    case "$command" in')
    for command_name, words in every.items():
        yield f'        "{command_name}") {_reply(words.words)} ;;'
    yield from ("    esac", "}")


def _nights_function(name: str) -> Iterator[str]:
    """The nights on record, by the interpreter beside the program; silent without."""
    yield from (
        f"_{name}_nights() {{",
        "    [[ ${COMP_WORDS[COMP_CWORD]} == -* ]] && return 0",
        "    local program config= i",
        "    for ((i = 1; i < COMP_CWORD; i++)); do",
        "        if [[ ${COMP_WORDS[i]} == --config ]]; then config=${COMP_WORDS[i+1]}; fi",
        "    done",
        '    program=$(readlink -f -- "$(command -v -- "${COMP_WORDS[0]}")") || return 0',
        f'    "${{program%/*}}/python3" -I -m {night_dates.__name__} "$config" 2>/dev/null || :',
        "}",
    )


def _reply(words: tuple[str, ...]) -> str:
    # Without words bash itself completes names of files (-o default).
    return f"""COMPREPLY=($(compgen -W "{" ".join(words)}" -- "$word"))""" if words else ":"


if __name__ == "__main__":
    write_completions(Path(sys.argv[1]))
