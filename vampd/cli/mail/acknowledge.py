"""vampctl acknowledge: record that STARS has ingested a night's manifests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from vampd.cli.mail.confirming import YesOption, confirm
from vampd.cli.mail.manifest import find_manifests, refuse_damaged_manifests
from vampd.cli.shared.lost_ids import read_lost_ids
from vampd.cli.shared.nights import choose_record
from vampd.cli.shared.output import write
from vampd.cli.shared.requests import ask
from vampd.cli.shared.session import ConfigOption, NightArgument, acting_or_asking, actor_name
from vampd.cli.shared.words import count_of
from vampd.errors import UsageError
from vampd.model.deed import Verb
from vampd.model.delivery import MailState
from vampd.model.nights import Kind

if TYPE_CHECKING:
    from vampd.wiring.connections import Connections

LostOption = Annotated[
    bool, typer.Option("--lost", help="Acknowledge the IDs that have no product any more.")
]


def acknowledge(
    context: typer.Context,
    night: NightArgument,
    lost: LostOption = False,
    yes: YesOption = False,
    config: ConfigOption = None,
) -> None:
    """Record that STARS has ingested a night's manifests.

    Asks if a manifest is not known to have been mailed. With --lost, it records instead that you
    know which of the night's IDs a restore has left without a product; they are no longer listed.
    """
    verb = None if lost else Verb.ACKNOWLEDGE
    with acting_or_asking(context, config, verb) as (connections, asks):
        if lost:
            _acknowledge_lost(connections, night)
            return
        (found,) = find_manifests(connections, [night])
        refuse_damaged_manifests(connections, [found])
        date = found.record.night.date
        odd = [
            f"{file.name}: {state}"
            for file, state in found.states.items()
            if state in (MailState.UNMAILED, MailState.UNCERTAIN)
        ]
        if odd:
            confirm("not_mailed", f"{'; '.join(odd)}. Has STARS really ingested {date}?", yes)
        manifests = [text.file for text in found.texts]
        if asks:
            write(ask(connections, found.record, Verb.ACKNOWLEDGE, manifests=manifests))
            return
        connections.mail_log.acknowledge(manifests, at=time.time(), actor=actor_name())
    write(f"{date}: {count_of(len(found.texts), 'manifest')} acknowledged")


def _acknowledge_lost(connections: Connections, text: str) -> None:
    record = choose_record(connections.store.nights(), text, Kind.ARCHIVE)
    date = record.night.date
    if not connections.reader.generations(record.night):
        raise UsageError(
            "not_synchronised",
            f"{date} is not synchronized yet: which of its IDs get their products again is unknown",
        )
    lost = read_lost_ids(connections, record)
    connections.mail_log.acknowledge_lost(
        [one.frame_id for one in lost], at=time.time(), actor=actor_name()
    )
    for one in lost:
        write(f"{one.frame_id}  {one.fate}")
    write(f"{date}: {count_of(len(lost), 'ID')} without a product acknowledged")
