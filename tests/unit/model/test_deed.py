"""A deed's command is made of its choices alone, each of which is read strictly."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vampd.model.deed import (
    LONG_VERBS,
    MEMBERS_VERBS,
    NO_CHOICES,
    Choices,
    Verb,
    choices_object,
    deed_words,
    parse_choices,
)
from vampd.model.nights import Kind, NightId

NIGHT = NightId("20251106", Kind.ARCHIVE)
DEEDS = {
    Verb.RESTORE: (NO_CHOICES, "restore 20251106 --kind=archive --yes"),
    Verb.PURGE: (
        Choices(same_disk=True),
        "purge 20251106 --kind=archive --yes --same-disk=20251106",
    ),
    Verb.RECOVER: (
        Choices(files=("vgen2/VMPA00000001.txt",), removed=True, from_products=True),
        "recover 20251106 --kind=archive --removed --from-products -- vgen2/VMPA00000001.txt",
    ),
    Verb.ARCHIVE: (
        Choices(nights=Kind.ENGINEERING, to="sc6l:/mnt/a b", known=("sc6l:/old", "f" * 32)),
        "archive moved engineering --to=sc6l:/mnt/a b --yes",
    ),
    Verb.MAIL: (Choices(send=True), "mail 20251106 --send"),
    Verb.LEDGER: (NO_CHOICES, "rebuild-ledger --yes"),
}


def test_every_deed_that_takes_long_has_its_command() -> None:
    assert DEEDS.keys() == LONG_VERBS
    assert LONG_VERBS.isdisjoint(MEMBERS_VERBS)
    for verb, (choices, command) in DEEDS.items():
        assert " ".join(deed_words(verb, NIGHT, choices)) == command
        given = json.loads(json.dumps(choices_object(verb, choices)))
        assert parse_choices(verb, given) == choices
    for days, words in ((30.0, "--after=30"), (0.5, "--after=0.5"), (0.0, "--after=0")):
        assert deed_words(Verb.PURGE, NIGHT, Choices(after_days=days))[-1] == words
    assert deed_words(Verb.ARCHIVE, None, Choices(nights=Kind.ARCHIVE))[1:] == (
        "accept", "archive", "--yes",
    )  # fmt: skip
    assert deed_words(Verb.MAIL, NIGHT, Choices(again=True))[2:] == ("--mark-sent", "--yes")


@pytest.mark.parametrize(
    ("verb", "changes"),
    [
        (Verb.RESTORE, {"yes": True}),
        (Verb.HOLD, {"files": []}),
        (Verb.RECOVER, {"files": ["--yes"]}),
        (Verb.RECOVER, {"files": ["/etc/passwd"]}),
        (Verb.RECOVER, {"files": ["vgen2/../../x"]}),
        (Verb.RECOVER, {"files": ["x"] * 101}),
        (Verb.RECOVER, {"files": "x"}),
        (Verb.RECOVER, {"removed": 1}),
        (Verb.RECOVER, {"from_products": 1}),
        (Verb.PURGE, {"after_days": "30"}),
        (Verb.PURGE, {"after_days": -0.5}),
        (Verb.PURGE, {"after_days": 36_526}),
        (Verb.PURGE, {"after_days": float("nan")}),
        (Verb.PURGE, {"after_days": True}),
        (Verb.ARCHIVE, {"to": "-oProxyCommand=x:/a"}),
        (Verb.ARCHIVE, {"to": "-host:/a"}),
        (Verb.ARCHIVE, {"to": "/a|b"}),
        (Verb.ARCHIVE, {"to": "relative"}),
        (Verb.ARCHIVE, {"to": "/a\n/b"}),
        # No word of a command, or none that a person sees as it is.
        (Verb.ARCHIVE, {"to": "/\ud800"}),
        (Verb.ARCHIVE, {"to": "/a\x1b[2J"}),
        (Verb.ARCHIVE, {"to": "/a\u202eb"}),
        (Verb.ARCHIVE, {"known": ["one"]}),
        (Verb.ARCHIVE, {"known": ["one", 2]}),
        (Verb.ARCHIVE, {"nights": "both"}),
        (Verb.MAIL, {"send": "yes"}),
        (Verb.MAIL, {"again": 1}),
    ],
)
def test_a_choice_of_another_form_is_none(verb: Verb, changes: dict[str, Any]) -> None:
    given = json.loads(json.dumps(choices_object(verb, DEEDS.get(verb, (NO_CHOICES, ""))[0])))
    with pytest.raises((ValueError, TypeError)):
        parse_choices(verb, {**given, **changes})
