"""vampctl mailings: what was mailed to STARS, and what it has acknowledged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import typer

from vampd.cli.shared.output import Column, write, write_json, write_table
from vampd.cli.shared.session import ConfigOption, JsonOption, settings_of
from vampd.cli.shared.words import count_of, format_minute, format_time, one_line, read_time

if TYPE_CHECKING:
    from vampd.model.delivery import Correspondence


def mailings(
    context: typer.Context, as_json: JsonOption = False, config: ConfigOption = None
) -> None:
    """Show what was mailed, and what STARS acknowledged.

    What is still to be mailed is in `vampctl status --unmailed`.
    """
    from vampd.wiring.connections import look

    with look(settings_of(context, config)) as seen:
        found = mailing_objects([seen.correspondence])
    if as_json:
        write_json(found)
        return
    if not found:
        write("nothing was mailed")
        return
    titles = ("time (UT)", "outcome", "manifests", "acknowledged", "by", "to")
    write_table(tuple(map(Column, titles)), [mailing_row(one) for one in found])


def mailing_objects(correspondence: Iterable[Correspondence]) -> list[dict[str, Any]]:
    """The mailings for programs, the newest first; null is not, or not known."""
    known = list(correspondence)
    acknowledged = {one.manifest: one for each in known for one in each.acknowledged}
    mailings = {one.message_id: one for each in known for one in each.mailings}
    return [
        {
            "at": format_time(one.at),
            "outcome": str(one.outcome),
            "way": str(one.way),
            "actor": one.actor,
            "recipients": list(one.recipients),
            "message_id": one.message_id,
            "detail": one.detail,
            "manifests": [
                {
                    "name": manifest.name,
                    "date": manifest.night.date,
                    "kind": str(manifest.night.kind),
                    "sha256": manifest.sha256,
                    "acknowledged_at": None
                    if (found := acknowledged.get(manifest)) is None
                    else format_time(found.at),
                    "acknowledged_by": None if found is None else found.actor,
                }
                for manifest in one.manifests
            ],
        }
        for one in sorted(mailings.values(), key=lambda one: (one.at, one.message_id), reverse=True)
    ]


def mailing_row(one: dict[str, Any]) -> tuple[str, ...]:
    """The cells of a mailing's line."""
    manifests = one["manifests"]
    names = ", ".join(manifest["name"] for manifest in manifests)
    return (
        format_minute(read_time(one["at"])),
        one["outcome"],
        one_line(names),
        describe_acknowledged(one),
        one_line(f"{one['actor']}, {one['way']}"),
        one_line(", ".join(one["recipients"])),
    )


def describe_acknowledged(one: dict[str, Any]) -> str:
    """How many of its manifests STARS has ingested, in words."""
    manifests = one["manifests"]
    known = sum(manifest["acknowledged_at"] is not None for manifest in manifests)
    if known == len(manifests):
        return "yes"
    return f"{known:,} of {count_of(len(manifests), 'manifest')}" if known else "not yet"
