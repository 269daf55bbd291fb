"""vampctl daemon: whether vampd runs, since when, and what it does."""

from __future__ import annotations

import time

import typer

from vampd.cli.shared.output import Column, write, write_json, write_table
from vampd.cli.shared.session import ConfigOption, JsonOption, settings_of
from vampd.cli.status.daemon_words import daemon_object, life_rows, style_of_life


def daemon(
    context: typer.Context, as_json: JsonOption = False, config: ConfigOption = None
) -> None:
    """Show whether vampd runs, since when, and what it does.

    A running vampd leaves a sign beside its database once a minute and after each scan; that is
    held against the processes of this machine. Nothing is locked, and nothing is asked of vampd.
    """
    from vampd.disk.life_signs import look_for_life

    database = settings_of(context, config).database.path
    now = time.time()
    life = look_for_life(database, now)
    if as_json:
        write_json(daemon_object(life, now))
        return
    write(f"the vampd of {database}")
    style = style_of_life(life)
    columns = (Column(), Column(style_in=lambda row: style if row[0] == "  state" else ""))
    write_table(columns, [(f"  {name}", value) for name, value in life_rows(life, now)])
