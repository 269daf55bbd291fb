"""vampctl crew: the hosts that pack for vampd, and the certificates of their crew."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vampd.cli.checks.crew_hosts import SeenHost, look_at_hosts
from vampd.cli.service import LogLevelOption, LogTargetOption
from vampd.cli.shared.output import Column, write, write_json, write_prose, write_table
from vampd.cli.shared.session import (
    ConfigOption,
    JsonOption,
    examples,
    read_settings,
    settings_of,
)
from vampd.cli.shared.words import format_duration, format_size, format_time
from vampd.cli.status.daemon_words import format_rate
from vampd.errors import EXIT_NIGHT, UsageError
from vampd.log import LogLevel, LogTarget, configure_log
from vampd.model.roll_call import MOST_HOSTS

if TYPE_CHECKING:
    from vampd.model.life_sign import HostAccount

app = typer.Typer(
    name="crew",
    epilog=examples("vampctl crew", "vampctl crew --json | jq '.hosts[].host'"),
    invoke_without_command=True,
    rich_markup_mode=None,
)
_LIVES = "packs"


class BatchSystem(StrEnum):
    """What dask-jobqueue submits jobs to."""

    SLURM = "slurm"
    HTCONDOR = "htcondor"


_COLUMNS = (
    Column("host"),
    Column("", style_of=lambda cell: "green" if cell == _LIVES else "bold red"),
    Column("busy", align_right=True),
    Column("places", align_right=True),
    Column("version"),
    Column("memory", align_right=True),
    Column("MB/s", align_right=True),
    Column("lost", align_right=True),
    Column("seen"),
)


@app.callback()
def crew(context: typer.Context, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Show the hosts that pack for vampd.

    By the sign that each leaves on the root every two seconds: how many of its places are busy, its
    version, the memory it has left, and when it was seen. A host is SILENT without a new sign for
    crew.lost_after_s, and gets no order then, nor does one of another version or root. MB/s are raw
    bytes of the last 10 minutes, lost are orders that were tried elsewhere: as vampd counts them
    since it started, on its own machine. Exit status 1 if one is silent or other, or if there is
    none.
    """
    if context.invoked_subcommand is not None:
        return
    from vampd.config import CrewEngine
    from vampd.disk.life_signs import look_for_life

    settings = settings_of(context, config)
    is_local = settings.crew.engine is CrewEngine.LOCAL
    hosts = [] if is_local else look_at_hosts(settings)
    accounts = look_for_life(settings.database.path, time.time()).hosts
    if as_json:
        write_json(
            {
                "engine": settings.crew.engine,
                "scheduler": settings.crew.scheduler or None,
                "hosts": [_object(one, accounts.get(one.member.host)) for one in hosts],
            }
        )
    elif is_local:
        write_prose('crew.engine is "local": this machine alone packs')
    else:
        write(f"{settings.crew.engine} at {settings.crew.scheduler}")
        if hosts:
            write_table(_COLUMNS, [_row(one, accounts.get(one.member.host)) for one in hosts])
        else:
            write_prose("no host has left a sign: start vampd-worker on one")
    if not is_local and (not hosts or any(one.problem for one in hosts)):
        raise typer.Exit(EXIT_NIGHT)


def _row(seen: SeenHost, account: HostAccount | None) -> tuple[str, ...]:
    member = seen.member
    return (
        member.host,
        seen.problem or _LIVES,
        str(len(member.done)),
        f"{member.places} of {member.slots}",
        member.version,
        format_size(member.available_bytes),
        "" if account is None else format_rate(account.bytes_per_s),
        "" if account is None else f"{account.losses:,}",
        f"{format_duration(seen.age_s)} ago",
    )


def _object(seen: SeenHost, account: HostAccount | None) -> dict[str, Any]:
    member = seen.member
    return {
        "host": member.host,
        "packs": not seen.problem,
        "problem": seen.problem.lower() or None,
        "busy": len(member.done),
        "places": member.places,
        "slots": member.slots,
        "version": member.version,
        "root_mark": member.mark,
        "available_bytes": member.available_bytes,
        "bytes_per_s": None if account is None else account.bytes_per_s,
        "losses": None if account is None else account.losses,
        "seen_s_ago": round(seen.age_s, 1),
        "frames_in_hand": sum(frames for frames, _ in member.done.values()),
        "bytes_in_hand": sum(size for _, size in member.done.values()),
    }


@app.command(epilog=examples("vampctl crew jobs slurm --jobs 4 --config /shared/vampd/vampd.toml"))
def jobs(
    system: Annotated[BatchSystem, typer.Argument(help="The batch system.", show_default=False)],
    count: Annotated[int, typer.Option("--jobs", min=1, max=MOST_HOSTS, help="How many.")],
    config: Annotated[
        Path,
        typer.Option("--config", metavar="FILE", help="For these jobs, too.", show_default=False),
    ],
    log_target: LogTargetOption = LogTarget.AUTO,
    log_level: LogLevelOption = LogLevel.INFO,
) -> None:
    """Keep jobs of a batch system that pack, until SIGTERM.

    It is the scheduler of the crew, in the place of vampd-scheduler, and keeps so many jobs by
    dask-jobqueue, each of them a vampd-worker with the cores of its job. What a job needs stands in
    /etc/dask/jobqueue.yaml. A job that ends is submitted again, and all of them end with this.
    Needs the extra `dask`.
    """
    from vampd.wiring.jobs import run_jobs

    settings = read_settings(config)
    configure_log(log_target, log_level)
    run_jobs(settings, config.absolute(), system, count)


@app.command(epilog=examples("vampctl crew certificates scheduler sc5 w1 w2 --to /root/vampd-crew"))
def certificates(
    hosts: Annotated[list[str], typer.Argument(metavar="HOST...", help="scheduler, and hosts.")],
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where the files are made.")],
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="How long.")] = 1095,
) -> None:
    """Make certificates for the hosts of a crew.

    The first time, an authority of the crew's own is made beside them: ca.pem goes to every host,
    ca.key stays where it was made. HOST.pem and HOST.key go to that host as [crew] certificate and
    key, the key readable by vampd's user alone: whoever has one has programs run as that user.
    Nothing that is there is replaced. Needs the extra `dask`.
    """
    from vampd.wiring.crew import missing_parts

    if missing := missing_parts():
        raise UsageError(
            "crew_missing", f"needs the extra `dask`: {', '.join(missing)} is not installed here"
        )
    from vampd.adapters.crew import make_authority, make_certificate, now_utc

    to.mkdir(mode=0o700, exist_ok=True)
    if make_authority(to, now_utc()):
        write(f"{to}/ca.pem: for every host; {to}/ca.key: stays here, or somewhere safe")
    for host in hosts:
        end = make_certificate(to, host, days, now_utc())
        write(f"{to}/{host}.pem, {host}.key: for {host}, until {format_time(end.timestamp())[:10]}")
