"""The commands of vampctl, as typer runs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated

import typer

from vampd import __version__
from vampd.cli.shared.output import write
from vampd.cli.shared.session import ConfigOption, examples


def _show_version(asked: bool) -> None:
    if asked:
        write(f"vampctl {__version__}")
        raise typer.Exit


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


# The commands in the order of the help: the module of each, and its examples. Those that tell what
# the page tells lie above this layer, and are named in full.
_COMMANDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "status": (
        "status.status",
        (
            "vampctl status",
            "vampctl status 20251106",
            "vampctl status --columns date,kind,quality,note",
            "vampctl status --problems --check",
            """vampctl status --json | jq '.[] | select(.status == "held")'""",
        ),
    ),
    "daemon": ("status.daemon", ("vampctl daemon", "vampctl daemon --json | jq .running")),
    "disk": (
        "status.disk",
        ("vampctl disk", "vampctl disk --json | jq '.disks[].forecast.nights_at_least'"),
    ),
    "transfers": (
        "status.transfers",
        ("vampctl transfers", "vampctl transfers --json | jq '.last[0].bytes_per_s'"),
    ),
    "alarm": (
        "status.alarm",
        ("vampctl alarm", "vampctl alarm --test", "vampctl alarm --morning"),
    ),
    "watch": ("live.watch", ("vampctl watch", "vampctl watch --once")),
    "table": (
        "look.table",
        (
            "vampctl table archive | head",
            "vampctl table engineering | awk '$3 == \"False\"'",
            "vampctl table archive --csv > archive.csv",
        ),
    ),
    "why": ("look.why", ("vampctl why 20251106", "vampctl why 20251106 --json | jq .last_error")),
    "explain": (
        "look.explain",
        (
            "vampctl explain archive_unreachable",
            "vampctl explain | grep timing",
        ),
    ),
    "history": ("look.history", ("vampctl history 20251106", "vampctl history 20251106 --json")),
    "log": (
        "look.log",
        (
            "vampctl log 20251106 --warnings -n 20",
            'vampctl log 20251106 --since "2 h" --grep "held|failed"',
            "vampctl log --since yesterday",
        ),
    ),
    "plan": ("look.plan", ("vampctl plan 20251106", "vampctl plan 20251106 --all | grep pack")),
    "audit": (
        "look.audit",
        (
            "vampctl audit 20251106",
            "vampctl audit 20251106 --json | jq -r '.rejected[].path'",
        ),
    ),
    "summary": (
        "look.summary",
        (
            "vampctl summary 20251106",
            "vampctl summary 20251106 --runs",
            "vampctl summary 20251106 --csv > 20251106.csv",
        ),
    ),
    "plot": ("look.plot", ("vampctl plot 20251106", "vampctl plot 20251106 -o /tmp/night.png")),
    "frameids": (
        "ids.frameids",
        (
            "vampctl frameids",
            "vampctl frameids --json | jq -r '.unused[].frame_id'",
        ),
    ),
    "ledger": ("ids.ledger", ("vampctl ledger", "vampctl ledger --json | jq .next.raw")),
    "rebuild-ledger": ("ids.rebuild_ledger", ("vampctl rebuild-ledger",)),
    "manifest": (
        "mail.manifest",
        (
            "vampctl manifest 20251106",
            "vampctl manifest 20251106 20251107 --combine manifest_VMP_combined.csv",
        ),
    ),
    "mail": (
        "mail.mail",
        (
            "vampctl mail 20251106 20251107",
            "vampctl mail 20251106 -o /tmp/stars.eml",
            "vampctl mail 20251106 --send",
        ),
    ),
    "mailings": (
        "mail.mailings",
        ("vampctl mailings", "vampctl mailings --json | jq -r '.[0].manifests[].name'"),
    ),
    "acknowledge": (
        "mail.acknowledge",
        ("vampctl acknowledge 20251106", "vampctl acknowledge 20251106 --lost"),
    ),
    "metrics": (
        "vampd.web.commands",
        (
            "vampctl metrics",
            "vampctl metrics --textfile /var/lib/prometheus/node-exporter/vampd.prom",
        ),
    ),
    "export": (
        "vampd.web.commands",
        ("vampctl export --to /srv/www/vampd", "vampctl export --to /tmp/nights"),
    ),
    "run": (
        "act.run",
        (
            "vampctl run 20251106",
            "vampctl run . --until fpack",
            "vampctl run /mnt/fuuu/ARCHIVED_DATA/20251106 --only sync",
        ),
    ),
    "process-all": ("act.run", ("vampctl process-all", "vampctl process-all engineering")),
    "verify": (
        "act.verify",
        (
            "vampctl verify 20251106",
            "vampctl verify --all --kind archive",
            "vampctl verify --sample 1",
            "vampctl retry 20251106 --from transfer",
        ),
    ),
    "transfer": (
        "act.transfer",
        ("vampctl transfer 20251106 --print", "vampctl transfer 20251106"),
    ),
    "pull": ("act.transfer", ("vampctl pull 20251106", "vampctl pull 20251106 --kind engineering")),
    "pack": (
        "files.packing",
        (
            "vampctl pack dark_2000.fits",
            "vampctl pack vgen2/*.fits",
            "vampctl pack vcam1/vcam1_10*.fits -o /tmp/packed",
        ),
    ),
    "unpack": (
        "files.packing",
        ("vampctl unpack VMPA00425000.fits.fz -o /tmp", "vampctl unpack *.fits.fz"),
    ),
    "get": (
        "files.get",
        (
            "vampctl get 20251106 --object M42 -o /tmp/m42",
            "vampctl get last --where DATA-TYP=OBJECT --where U_FLC!=D --dry-run",
            "vampctl get 20251106 --where EXPTIME=0.001 --unpack -o /tmp/cubes",
        ),
    ),
    "consolidate": (
        "files.consolidate",
        ("vampctl consolidate 20251106 --out /mnt/scratch/20251106",),
    ),
    "correct": (
        "files.correct",
        (
            "vampctl correct 20251106 --from-wpu 20251105.log 20251106.log --dry-run",
            "vampctl correct 20251106 --set OBJECT=M42 --where OBJECT=M24 --why typo",
            "vampctl correct 20251106 --accept",
        ),
    ),
    "adopt": (
        "act.adopt",
        (
            "vampctl adopt --all --dry-run",
            "vampctl adopt 20240612",
            "vampctl adopt 20240612 --continue",
            "vampctl table archive",
        ),
    ),
    "retry": ("act.control", ("vampctl retry 20251106", "vampctl retry 20251106 --from transfer")),
    "hold": ("act.control", ('vampctl hold 20251106 --reason "darks to follow"',)),
    "release": ("act.control", ("vampctl release 20251106",)),
    "requests": ("act.requests", ("vampctl requests", "vampctl requests --take-back 1f09ac42")),
    "doctor": (
        "look.doctor",
        (
            "vampctl doctor",
            "vampctl doctor --json | jq '.[] | select(.state != \"OK\")'",
        ),
    ),
    "recover": (
        "act.recover",
        (
            "vampctl recover 20251106",
            "vampctl recover 20251106 VMPA00425000.fits.fz",
        ),
    ),
    "restore": ("act.restore", ("vampctl restore 20251106", "vampctl restore 20251106 --yes")),
    "purge": (
        "act.purge",
        (
            "vampctl purge 20251106 --dry-run",
            "vampctl purge 20251106 20251107",
            "vampctl purge 20251106 --after 30",
        ),
    ),
    "simulate": (
        "files.simulate",
        (
            "vampctl simulate --preset list",
            "vampctl simulate /tmp/fuuu --preset tiny --kind engineering",
            "vampctl simulate /tmp/fuuu --real-time recent --truth /tmp/truth.tsv",
        ),
    ),
}
_GROUPS = ("act.archive", "status.config", "status.crew", "files.headers", "act.root")
_EXAMPLES = (
    "vampctl status",
    "vampctl status 20251106",
    "vampctl retry 20251106 --from transfer",
    "vampctl audit 20251106",
    "vampctl COMMAND -h",
)


def make_app(only: str | None = None) -> typer.Typer:
    """The program, with all its commands or with one: to import all takes long."""
    # Help as plain text: it reads the same on a terminal, in a pipe and in a man page.
    app = typer.Typer(
        name="vampctl",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(epilog=examples(*_EXAMPLES))(vampctl)
    for name in _COMMANDS if only is None else (only,):
        module, lines = _COMMANDS[name]
        command = getattr(import_module(_full_name(module)), name.replace("-", "_"))
        app.command(epilog=examples(*lines))(command)
    for module in _GROUPS if only is None else ():
        app.add_typer(import_module(f"vampd.cli.{module}").app)
    return app


def _full_name(module: str) -> str:
    return module if module.startswith("vampd.") else f"vampd.cli.{module}"


def app_for(words: Sequence[str]) -> typer.Typer:
    """The program as these arguments need it."""
    return make_app(_named(words))


def _named(words: Sequence[str]) -> str | None:
    """The command that the arguments name, None unless that is plain."""
    rest = words[2:] if words[:1] == ["--config"] else words
    return rest[0] if rest and rest[0] in _COMMANDS else None
