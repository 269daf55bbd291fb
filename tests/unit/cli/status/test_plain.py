"""Plain words for `status` mean what they mean to the command proper, or are left to it."""

import pytest
from typer.main import get_command

from vampd.cli.program import make_app
from vampd.cli.status.plain import FLAGS, TEXTS, Plain, read_plainly

# What the command proper has to convert.
_CONVERTED = {"--kind", "--last", "--help", "-h"}


def test_every_option_of_status_is_known_or_left_to_the_command() -> None:
    command = getattr(get_command(make_app("status")), "commands", {})["status"]
    flags, texts = set[str](), set[str]()
    for option in command.params:
        named = {name for name in option.opts if name.startswith("-")}
        (flags if getattr(option, "is_flag", False) else texts).update(named)
    assert flags - _CONVERTED == FLAGS
    assert texts - _CONVERTED == set(TEXTS)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("status", Plain(frozenset(), {})),
        ("--config a status", Plain(frozenset(), {"--config": "a"})),
        ("status --config a --json", Plain(frozenset({"--json"}), {"--config": "a"})),
        ("status 20251106", Plain(frozenset(), {}, "20251106")),
        ("status --wide last", Plain(frozenset({"--wide"}), {}, "last")),
        ("status --since status", Plain(frozenset(), {"--since": "status"})),
    ],
)
def test_plain_words_are_understood(words: str, said: Plain) -> None:
    assert read_plainly(words.split()) == said


@pytest.mark.parametrize(
    "words",
    [
        "",
        "why status",
        "--json status",
        "--columns date status",
        "--config status",
        "--config a --config b status",
        "status --columns",
        "status --columns --json",
        "status --columns=date",
        "status --prob",
        "status --last 3",
        "status --kind archive",
        "status -h",
        "status --help",
        "status --",
        "status 20251106 20251107",
    ],
)
def test_whatever_else_is_typed_is_left_to_the_command(words: str) -> None:
    assert read_plainly(words.split()) is None
    assert read_plainly(["status", ""]) is None
