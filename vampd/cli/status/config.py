"""vampctl config: whether a configuration is good, and where each value comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from vampd.cli.shared.output import Column, write, write_json, write_prose, write_table
from vampd.cli.shared.session import ConfigOption, JsonOption, examples, read_settings, settings_of
from vampd.config import Settings, config_path

app = typer.Typer(
    name="config",
    help="Check the configuration, or show what is in force.",
    epilog=examples("vampctl config check", "vampctl config show"),
    no_args_is_help=True,
    rich_markup_mode=None,
)
# Most values are short, and a terminal of 80 columns has this beside the longest key.
_NARROWEST_VALUE = 36
_COLUMNS = (
    Column("key"),
    Column("from", style_of=lambda word: "dim" if word == "default" else ""),
    Column("value"),
)


@app.command(epilog=examples("vampctl config check", "vampctl config check /tmp/new.toml"))
def check(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Default: as for every command.", show_default=False),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Say whether vampd would take a configuration.

    Exit status 78, and what is wrong with it, if not. If it is good and vampd runs, names the keys
    that are not in force yet.
    """
    given = file or config or context.obj
    path = config_path(given)
    settings = read_settings(given)
    write(f"{path or 'the demo configuration'} is valid")
    life_settings = _in_force(settings)
    if life_settings is None:
        return
    if changed := _changed(life_settings, settings):
        write_prose(f"not yet in force, by `systemctl reload vampd`: {', '.join(changed)}")


@app.command(epilog=examples("vampctl config show", "vampctl config show --json"))
def show(context: typer.Context, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Show every setting that is in force, and where it comes from.

    That is the file, the demo's, or the default. While vampd runs, these are its own settings; a
    key that the file says otherwise by now is named below.
    """
    path = config_path(config or context.obj)
    here = settings_of(context, config)
    running = _in_force(here)
    settings = here if running is None else running
    origin = "demo" if path is None else "file"
    rows = list(_rows(settings, origin))
    changed = [] if running is None else _changed(running, here)
    if as_json:
        write_json(
            [
                {"key": key, "from": said, "value": value, "in_file_only": key in changed}
                for key, said, value in rows
            ]
        )
        return
    write(f"# {path or 'the demo'}{'' if running is None else ', as the running vampd has it'}")
    shown = [(key, said, json.dumps(value)) for key, said, value in rows]
    write_table(_COLUMNS, shown, narrowest=_NARROWEST_VALUE)
    if changed:
        write_prose(
            f"the file says otherwise by now, until `systemctl reload vampd`: {', '.join(changed)}"
        )


def _rows(table: BaseModel, origin: str, prefix: str = "") -> Iterator[tuple[str, str, Any]]:
    """Each key, where its value comes from, and the value as JSON has it."""
    values = table.model_dump(mode="json")
    for name in type(table).model_fields:
        value = getattr(table, name)
        if isinstance(value, BaseModel):
            yield from _rows(value, origin, f"{prefix}{name}.")
        else:
            said = origin if name in table.model_fields_set else "default"
            yield f"{prefix}{name}", said, values[name]


def _in_force(settings: Settings) -> Settings | None:
    """What the running vampd of this database works by, None without one."""
    from vampd.wiring.in_force import settings_in_force

    return settings_in_force(settings.database.path)


def _changed(running: Settings, file: Settings) -> tuple[str, ...]:
    from vampd.config.changes import changed_keys

    return changed_keys(running, file)
