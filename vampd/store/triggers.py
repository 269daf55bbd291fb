"""The triggers of the tables, all of them: they refuse what no one may change or delete.

A change here needs a migration; a test compares the two.
"""

from __future__ import annotations

_DONE = {"UPDATE": "changed", "DELETE": "deleted"}
# Rows that stay: their table, what is refused, and why.
_STAYING = (
    ("events", ("UPDATE", "DELETE"), "events are append-only"),
    ("frame_ids", ("DELETE",), "frame IDs are never deleted"),
    ("mailings", ("DELETE",), "what was mailed stays on record"),
    ("mailed_manifests", ("UPDATE", "DELETE"), "what was mailed stays on record"),
    ("acknowledged_manifests", ("UPDATE", "DELETE"), "what was mailed stays on record"),
    ("packing_receipts", ("DELETE",), "packing receipts stay on record"),
    ("destinations", ("DELETE",), "where nights were archived stays on record"),
    ("acknowledged_lost_ids", ("UPDATE", "DELETE"), "what was acknowledged stays on record"),
    ("roots", ("DELETE",), "where nights lay stays on record"),
    ("purged_files", ("UPDATE", "DELETE"), "what was purged stays on record"),
)
# Changes that are refused: the trigger's name, the change, its condition, and why.
_CHANGING_ONCE = (
    (
        "frame_ids_stay_bound",
        "UPDATE OF number, request_id, date, kind, identity ON frame_ids",
        "OLD.number IS NOT NEW.number OR OLD.request_id IS NOT NEW.request_id"
        " OR OLD.date IS NOT NEW.date OR OLD.kind IS NOT NEW.kind"
        " OR (OLD.identity IS NOT NULL AND OLD.identity IS NOT NEW.identity)",
        "a frame ID is bound once",
    ),
    (
        "mailings_are_concluded_once",
        "UPDATE ON mailings",
        "OLD.outcome IS NOT 'pending' OR OLD.id IS NOT NEW.id"
        " OR OLD.message_id IS NOT NEW.message_id OR OLD.recipients IS NOT NEW.recipients"
        " OR OLD.way IS NOT NEW.way OR OLD.actor IS NOT NEW.actor OR OLD.at IS NOT NEW.at",
        "a mailing is concluded once",
    ),
    (
        "packing_receipts_end_once",
        "UPDATE ON packing_receipts",
        "OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL OR NEW.ended_by IS NULL"
        " OR OLD.id IS NOT NEW.id OR OLD.night_id IS NOT NEW.night_id OR OLD.path IS NOT NEW.path"
        " OR OLD.size IS NOT NEW.size OR OLD.sha256 IS NOT NEW.sha256"
        " OR OLD.identity IS NOT NEW.identity OR OLD.form IS NOT NEW.form OR OLD.at IS NOT NEW.at",
        "a packing receipt is written once, and ends once",
    ),
)


def _refusal(name: str, change: str, why: str) -> str:
    return f"CREATE TRIGGER {name} BEFORE {change} BEGIN SELECT RAISE(ABORT, '{why}'); END"


# By name; with single blanks.
TRIGGERS = {
    f"{table}_are_not_{_DONE[change]}": _refusal(
        f"{table}_are_not_{_DONE[change]}", f"{change} ON {table}", why
    )
    for table, changes, why in _STAYING
    for change in changes
} | {
    name: _refusal(name, f"{change} WHEN {condition}", why)
    for name, change, condition, why in _CHANGING_ONCE
}
