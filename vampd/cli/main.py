"""vampctl: query and control vampd."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, NoReturn

import typer

from vampd import __version__
from vampd.cli.act import (
    archive,
    consolidate,
    control,
    files,
    headers,
    purge,
    recover,
    restore,
    root,
    run,
    simulate,
    transfer,
    verify,
)
from vampd.cli.ids import frameids, rebuild_ledger
from vampd.cli.look import audit, doctor, history, log, plan, plot, status, summary, table, why
from vampd.cli.mail import mail, manifest
from vampd.cli.shared.output import write
from vampd.cli.shared.session import ConfigOption, examples, run_app

# Help as plain text: it reads the same on a terminal, in a pipe and in a man page.
app = typer.Typer(
    name="vampctl",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        write(f"vampctl {__version__}")
        raise typer.Exit


@app.callback(
    epilog=examples(
        "vampctl status",
        "vampctl status 20251106",
        "vampctl retry 20251106 --from transfer",
        "vampctl audit 20251106",
        "vampctl COMMAND -h",
    )
)
def vampctl(
    context: typer.Context,
    config: ConfigOption = None,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version."),
    ] = False,
) -> None:
    """Query and control vampd; every command works whether or not the daemon is running.

    Times are UT. Exit status: 0 done, 1 something is wrong with a night, 2 usage, 78 configuration.
    """
    context.obj = config


_COMMANDS: Mapping[Callable[..., None], tuple[str, ...]] = {
    status.status: (
        "vampctl status",
        "vampctl status 20251106",
        """vampctl status --json | jq '.[] | select(.status == "held")'""",
    ),
    table.table: (
        "vampctl table archive | head",
        "vampctl table engineering | awk '$3 == \"False\"'",
        "vampctl table archive --csv > archive.csv",
    ),
    why.why: ("vampctl why 20251106", "vampctl why 20251106 --json | jq .last_error"),
    history.history: ("vampctl history 20251106", "vampctl history 20251106 --json"),
    log.log: ("vampctl log 20251106", "vampctl log 20251106 --warnings -n 20"),
    plan.plan: ("vampctl plan 20251106", "vampctl plan 20251106 --all | grep pack"),
    audit.audit: (
        "vampctl audit 20251106",
        "vampctl audit 20251106 --json | jq -r '.rejected[].path'",
    ),
    summary.summary: (
        "vampctl summary 20251106",
        "vampctl summary 20251106 --runs",
        "vampctl summary 20251106 --csv > 20251106.csv",
    ),
    plot.plot: ("vampctl plot 20251106", "vampctl plot 20251106 -o /tmp/night.png"),
    frameids.frameids: (
        "vampctl frameids",
        "vampctl frameids --json | jq -r '.unused[].frame_id'",
    ),
    rebuild_ledger.rebuild_ledger: ("vampctl rebuild-ledger",),
    manifest.manifest: (
        "vampctl manifest 20251106",
        "vampctl manifest 20251106 20251107 --combine manifest_VMP_combined.csv",
    ),
    mail.mail: (
        "vampctl mail 20251106 20251107",
        "vampctl mail 20251106 -o /tmp/stars.eml",
        "vampctl mail 20251106 --send",
    ),
    mail.acknowledge: ("vampctl acknowledge 20251106", "vampctl acknowledge 20251106 --lost"),
    run.run: (
        "vampctl run 20251106",
        "vampctl run . --until fpack",
        "vampctl run /mnt/fuuu/ARCHIVED_DATA/20251106 --only sync",
    ),
    run.process_all: ("vampctl process-all", "vampctl process-all engineering"),
    verify.verify: (
        "vampctl verify 20251106",
        "vampctl verify --all --kind archive",
        "vampctl verify --sample 1",
        "vampctl retry 20251106 --from transfer",
    ),
    transfer.transfer: ("vampctl transfer 20251106 --print", "vampctl transfer 20251106"),
    transfer.pull: ("vampctl pull 20251106", "vampctl pull 20251106 --kind engineering"),
    files.pack: (
        "vampctl pack dark_2000.fits",
        "vampctl pack vgen2/*.fits",
        "vampctl pack vcam1/vcam1_10*.fits -o /tmp/packed",
    ),
    files.unpack: ("vampctl unpack VMPA00425000.fits.fz -o /tmp", "vampctl unpack *.fits.fz"),
    consolidate.consolidate: ("vampctl consolidate 20251106 --out /mnt/scratch/20251106",),
    control.retry: ("vampctl retry 20251106", "vampctl retry 20251106 --from transfer"),
    control.hold: ('vampctl hold 20251106 --reason "darks to follow"',),
    control.release: ("vampctl release 20251106",),
    doctor.doctor: (
        "vampctl doctor",
        "vampctl doctor --json | jq '.[] | select(.state != \"OK\")'",
    ),
    recover.recover: (
        "vampctl recover 20251106",
        "vampctl recover 20251106 VMPA00425000.fits.fz",
    ),
    restore.restore: ("vampctl restore 20251106", "vampctl restore 20251106 --yes"),
    purge.purge: (
        "vampctl purge 20251106 --dry-run",
        "vampctl purge 20251106 20251107",
        "vampctl purge 20251106 --after 30",
    ),
    simulate.simulate: (
        "vampctl simulate --preset list",
        "vampctl simulate /tmp/fuuu --preset tiny --kind engineering",
        "vampctl simulate /tmp/fuuu --real-time recent --truth /tmp/truth.tsv",
    ),
}
for _command, _examples in _COMMANDS.items():
    app.command(epilog=examples(*_examples))(_command)
app.add_typer(archive.app)
app.add_typer(headers.app)
app.add_typer(root.app)


def main() -> NoReturn:
    """Run vampctl and exit."""
    run_app("vampctl", app)
