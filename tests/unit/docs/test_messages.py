"""Every code that vampd uses anywhere has a meaning and a cure, and the page shows them all."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import vampd
from docs.messages import DOCUMENT, page
from tests.support.tools.terminal import fake_world
from vampd import errors
from vampd.cli.explanations import explanations, find_explanation, near_codes
from vampd.model.nights import HELD_BY_PERSON, RESTORE_UNFINISHED, RESTORED, Gate, WaitCode
from vampd.model.proofs import DestinationOrigin

ROOT = Path(vampd.__path__[0])
# How a destination comes on record by a person's word, which is an event of its nights.
_SPOKEN = (DestinationOrigin.ACCEPTED, DestinationOrigin.MOVED)
_NAMES = ("vampd", "rsync", "sync")
CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def nodes() -> Iterator[ast.AST]:
    for path in sorted(ROOT.rglob("*.py")):
        if "explanations" not in path.parts and "migrations" not in path.parts:
            yield from ast.walk(ast.parse(path.read_text()))


def takers(among: Sequence[ast.AST]) -> dict[str, int]:
    """What takes a code: functions with such a parameter, classes with such a field; where."""
    found: dict[str, int] = {}
    for node in among:
        if isinstance(node, ast.FunctionDef):
            names = [one.arg for one in node.args.args if one.arg not in ("self", "cls")]
            if "code" in names:
                found[node.name] = names.index("code")
        elif isinstance(node, ast.ClassDef):
            fields = [
                one.target.id
                for one in node.body
                if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
            ]
            if "code" in fields:
                found[node.name] = fields.index("code")
    kinds = [name for name, kind in vars(errors).items() if isinstance(kind, type)]
    return found | dict.fromkeys(kinds, 0) | {"__init__": 0}


def used_codes() -> set[str]:
    among = [
        node for node in nodes() if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Call)
    ]
    taken, codes = takers(among), set[str]()
    for node in among:
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
        given = [word.value for word in node.keywords if word.arg == "code"]
        if name in taken and len(node.args) > taken[name]:
            given.append(node.args[taken[name]])
        codes |= {
            one.value
            for one in given
            if isinstance(one, ast.Constant)
            and isinstance(one.value, str)
            and CODE.fullmatch(one.value)
        }
    fixed = {*WaitCode, *Gate, HELD_BY_PERSON, RESTORE_UNFINISHED, RESTORED}
    fixed |= {errors.ARCHIVE_UNKNOWN, errors.ROOT_UNKNOWN, "fits_truncated", "fits_too_long"}
    fixed |= {f"archive_{origin}" for origin in _SPOKEN}
    return codes | {str(code) for code in fixed}


def test_every_code_that_is_used_anywhere_is_explained() -> None:
    used = used_codes()
    assert len(used) > 200
    assert {code for code in used if find_explanation(code) is None} == set()


def test_each_code_is_explained_once_in_whole_sentences() -> None:
    found = list(explanations())
    assert len({one.code for one in found}) == len(found)
    for one in found:
        assert CODE.fullmatch(one.code), one
        for text in (one.cause, one.cure):
            first = text.split()[0].strip(",")
            assert first[0].isupper() or first[0] == "`" or first in _NAMES, one
            assert text.endswith("."), one
            assert "|" not in text, one
            # It is to be copied, also from a page of a night, which puts its date there.
            for quoted in re.findall(r"`([^`]*NIGHT[^`]*)`", text):
                assert quoted.startswith(("vampctl ", "sudo ")), one


def test_the_page_is_made_of_the_explanations() -> None:
    assert DOCUMENT.read_text() == page()


@pytest.mark.parametrize(
    ("asked", "near"),
    [("archive_ful", "archive_full"), ("disc_full", "disk_full"), ("mark", "bug")],
)
def test_an_unknown_code_suggests_those_that_are_near(asked: str, near: str) -> None:
    suggested = near_codes(asked)
    assert (near in suggested) == (near != "bug")


def test_explain_shows_cause_and_cure_and_refuses_what_it_does_not_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = fake_world(monkeypatch)
    shown = world.run("explain", "archive_slow").stdout
    assert "the host answers, and its disk does not" in shown.lower()
    assert "transfer.timeout_s" in shown
    assert "dubious_ambiguous" in world.run("explain").stdout
    assert world.run("explain", "dubious_whatever").exit_code == 0
    error = world.fail("explain", "archive_ful")
    assert (error.code, error.exit_status) == ("code_unknown", errors.EXIT_USAGE)
    assert "archive_full" in error.message
