"""What the documents name is there: files, chapters, make targets, commands of vampctl."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from vampd.cli.program import make_app

ROOT = Path(__file__).parents[3]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
COMMANDS = frozenset(typer.main.get_group(make_app()).commands)

document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def links(path: Path) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if "://" not in target:
            yield target


def anchors(path: Path) -> set[str]:
    """The chapters of a document as the usual readers of Markdown name them."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@document
def test_every_link_leads_to_a_file_and_a_chapter(path: Path):
    for target in links(path):
        file, _, anchor = target.partition("#")
        there = (path.parent / file) if file else path
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


@document
def test_every_file_that_is_named_in_the_tree_is_there(path: Path):
    named = re.findall(r"`((?:vampd|tests|docs|config|systemd)/[\w./]+)`", path.read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []


@document
def test_every_make_target_that_is_named_is_one(path: Path):
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", path.read_text(), re.MULTILINE)) <= targets


@document
def test_every_command_that_is_named_is_one(path: Path):
    named = set(re.findall(r"`vampctl ([a-z][a-z-]*)", path.read_text()))
    assert named <= COMMANDS


def test_the_front_page_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150
