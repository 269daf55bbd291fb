"""The diagram of the state machine in the documentation is the machine's."""

import re

import pytest

from docs.state_diagram import DOCUMENT, diagram, replace_diagram
from vampd.model.nights import (
    MOVES,
    MOVES_AT_SYNC,
    Event,
    EventName,
    Kind,
    StageName,
    State,
    Status,
    advance,
)

_ARROW = re.compile(r"^    (\w+) --> (\w+): (.+)$", re.MULTILINE)


def drawn_moves() -> set[tuple[str, str, str]]:
    return {
        (before, event, after)
        for before, after, label in _ARROW.findall(diagram())
        for event in label.split(", ")
    }


def test_the_document_shows_the_machine_as_it_is():
    assert diagram() in DOCUMENT.read_text(), "run: python -m docs.state_diagram --write"


def test_every_move_is_drawn_and_no_other():
    drawn = {(before, event, after) for before, event, after in drawn_moves() if "(" not in event}
    assert drawn == {(before, event, after) for (before, event), after in MOVES.items()}


def test_what_happens_at_sync_instead_is_drawn_as_the_machine_makes_it():
    at_sync = {move for move in drawn_moves() if move[1].endswith(" (at sync)")}
    assert at_sync == {
        (
            before,
            f"{event} (at sync)",
            advance(Kind.ARCHIVE, State(status=before), Event(event)).status,
        )
        for before, event in MOVES_AT_SYNC
    }


def test_the_move_behind_the_last_stage_is_drawn_as_the_machine_makes_it():
    last = State(StageName.MANIFEST, Status.RUNNING, attempts=1)
    after = advance(Kind.ARCHIVE, last, Event(EventName.ADVANCED))
    assert ("running", "advanced (last stage)", after.status) in drawn_moves()


def test_an_old_diagram_is_replaced_and_the_rest_of_the_document_stays():
    old = "above\n```mermaid\nstateDiagram-v2\n    filling --> done: wished\n```\nbelow\n"
    assert replace_diagram(old) == f"above\n{diagram()}below\n"


def test_a_document_without_a_place_for_the_diagram_is_refused():
    with pytest.raises(ValueError, match="found none"):
        replace_diagram("no diagram\n")
