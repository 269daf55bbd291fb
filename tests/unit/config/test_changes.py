"""What a reload has changed is named by its dotted keys, never by its values."""

from __future__ import annotations

from pathlib import Path

from tests.support.builders.settings import make_settings
from vampd.config.changes import changed_keys


def test_only_what_differs_is_named_in_the_order_of_the_file() -> None:
    old = make_settings()
    assert changed_keys(old, make_settings()) == ()
    watch = old.watch.model_copy(update={"root": Path("/elsewhere"), "quiet_after_s": 7.0})
    retry = old.retry.model_copy(update={"attempts": old.retry.attempts + 1})
    new = old.model_copy(update={"watch": watch, "retry": retry})
    assert changed_keys(old, new) == ("watch.root", "watch.quiet_after_s", "retry.attempts")


def test_a_table_within_a_table_is_named_in_full() -> None:
    old = make_settings()
    archive = old.transfer.archive.model_copy(update={"destination": "elsewhere:/archive"})
    new = old.model_copy(update={"transfer": old.transfer.model_copy(update={"archive": archive})})
    assert changed_keys(old, new) == ("transfer.archive.destination",)
