"""vampctl frameids: the ledger, and whether folders and headers agree with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vampd.cli.ids.ledger import COUNT_COLUMNS, count_object, count_row
from vampd.cli.shared.lost_ids import lost_objects, read_lost_ids
from vampd.cli.shared.output import align_columns, write_json, write_prose
from vampd.cli.shared.session import ConfigOption, JsonOption, reading
from vampd.cli.shared.words import count_of
from vampd.errors import EXIT_NIGHT, DataError

if TYPE_CHECKING:
    from vampd.model.frame_ids import LedgerListing, LostId, Review
    from vampd.wiring.connections import Connections

QuickOption = Annotated[
    bool, typer.Option("--quick", help="Trust file names; do not read every product's header.")
]


def frameids(
    context: typer.Context,
    quick: QuickOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show the frame-ID ledger and check it for contradictions.

    Compares the ledger's file and database, file names, the headers of all products and the
    name_changes.txt of all archive nights. Unused IDs, gaps, and IDs that a restore left without a
    product (until `vampctl acknowledge --lost`) are listed and are no fault; contradictions
    and duplicate IDs are, and make the exit status 1.
    """
    with reading(context, config) as connections:
        listing, review = review_everything(connections, headers=not quick)
        lost, unread = _read_all_lost_ids(connections)
        review = replace(review, findings=(*review.findings, *unread))
    if as_json:
        write_json(review_object(listing, review, lost))
    else:
        for line in review_lines(listing, review, lost):
            write_prose(line)
    if review.findings:
        raise typer.Exit(EXIT_NIGHT)


def _read_all_lost_ids(connections: Connections) -> tuple[list[LostId], list[str]]:
    """The lost IDs of all nights, and the nights of which they cannot be known, with why."""
    lost: list[LostId] = []
    unread: list[str] = []
    for record in connections.store.nights():
        try:
            lost += read_lost_ids(connections, record)
        except DataError as error:
            # One night's damage must not hide what is known of the others.
            unread.append(f"{record.night.date}: {error.message}")
    return lost, unread


def review_everything(connections: Connections, *, headers: bool) -> tuple[LedgerListing, Review]:
    """Read folders, headers if asked to, and the ledger, and review them."""
    from vampd.ledger.carried_ids import read_carried_ids
    from vampd.ledger.observed_ids import read_observed_ids
    from vampd.model.frame_ids import review_ids
    from vampd.model.nights import ARCHIVE_FOLDER

    root = connections.settings.watch.root
    # Folders first: what they show is on record by then, even while vampd works.
    nights = read_observed_ids(root / ARCHIVE_FOLDER)
    carried = [one for night in nights if headers for one in read_carried_ids(root, night.night)]
    listing = connections.ledger.listing()
    return listing, review_ids(listing, nights, carried)


def review_object(listing: LedgerListing, review: Review, lost: Sequence[LostId]) -> dict[str, Any]:
    """The review for programs."""
    return {
        "agrees": not review.findings,
        "findings": list(review.findings),
        "nights": [count_object(one) for one in review.nights],
        "unused": [
            {
                "frame_id": str(one.frame_id),
                "date": one.night.date,
                "kind": str(one.night.kind),
                "request": one.request,
            }
            for one in review.unused
        ],
        "lost": lost_objects(lost),
        "gaps": [
            {"first": str(gap.first), "last": str(gap.last), "count": gap.count}
            for gap in review.gaps
        ],
        "refused": [
            {
                "request": one.number,
                "date": one.night.date,
                "kind": str(one.night.kind),
                "wanted": one.wanted,
                "reason": one.refused,
            }
            for one in listing.requests
            if one.refused is not None
        ],
        "ids": [
            {
                "frame_id": str(one.frame_id),
                "date": one.night.date,
                "kind": str(one.night.kind),
                "identity": one.identity,
                "applied": one.applied,
            }
            for one in listing.ids
        ],
        "records_behind": listing.behind,
    }


def review_lines(listing: LedgerListing, review: Review, lost: Sequence[LostId]) -> Iterator[str]:
    """The review for people."""
    yield from align_columns(COUNT_COLUMNS, [count_row(count_object(one)) for one in review.nights])
    yield f"{count_of(len(listing.ids), 'frame ID')}, {len(review.unused):,} unused"
    if listing.behind:
        yield (
            f"the database lacks {count_of(listing.behind, 'record')} of the ledger file: vampd"
            " adds them when it starts or grants IDs"
        )
    unused = {one.request for one in review.unused}
    refusals = {one.number: one.refused for one in listing.requests if one.number in unused}
    yield from _listing(
        "unused",
        [
            f"{one.frame_id}  {one.night.date}"
            + (f"  {refusals[one.request]}" if refusals.get(one.request) else "")
            for one in review.unused
        ],
    )
    yield from _listing(
        "gaps",
        [
            f"{gap.first} to {gap.last}  {gap.count:,}" if gap.count > 1 else f"{gap.first}  1"
            for gap in review.gaps
        ],
    )
    yield from _listing(
        "without a product", [f"{one.frame_id}  {one.night.date}  {one.fate}" for one in lost]
    )
    yield from _listing("findings", list(review.findings))
    yield ""
    if review.findings:
        yield f"NOT in order: {count_of(len(review.findings), 'finding')}"
    else:
        yield "in order: ledger, file names, headers and name_changes.txt agree"


def _listing(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield f"{title}:"
        yield from (f"  {line}" for line in lines)
