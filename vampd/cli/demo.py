"""`make demo`: two simulated nights, the real daemon, and their results.

The same commands as anyone would type, with the configuration of `vampd.config.demo`:
``vampctl simulate`` twice, ``vampd --until-idle``, ``vampctl status``. Only the progress bars are
this module's own.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from vampd.cli.running import run_command
from vampd.cli.shared.words import count_of
from vampd.cli.status.nights_table import show_nights
from vampd.config import Settings, demo_text, load_settings, make_demo_folder
from vampd.errors import StateError, UsageError, VampdError
from vampd.log import LogLevel, configure_log
from vampd.model.nights import Kind, NightId, NightRecord, Status, stages_of
from vampd.simulate import PRESETS, SimulatedNight, plan_night, write_night
from vampd.wiring.connections import connect
from vampd.wiring.daemon import run_daemon

_NIGHTS = ((NightId("20251106", Kind.ARCHIVE), 1), (NightId("20251105", Kind.ENGINEERING), 2))
_PRESET = "demo"
# Only a folder that an earlier demo made is ever removed.
_MARK = ".made-by-vampd-demo"
_CONFIG = "vampd.toml"
_LOOK_EVERY_S = 0.25


def main() -> NoReturn:
    """Run the demonstration and exit; status 1 if a night does not end done."""
    run_command("demo", _demonstrate)


def _demonstrate() -> None:
    console = Console(highlight=False, soft_wrap=True)
    config = _make_room()
    settings = load_settings(config)
    for destination in (settings.transfer.archive, settings.transfer.engineering):
        destination.path.mkdir(parents=True, exist_ok=True)
    _simulate(console, settings)
    records = _run(console, settings)
    _show(console, settings, config)
    if any(record.state.status is not Status.DONE for record in records):
        raise StateError(
            "demo_not_done", "not every night ended done; `vampctl why NIGHT` says what is wrong"
        )


def _make_room() -> Path:
    """An empty folder of one's own but for the configuration, whose path this is."""
    folder = make_demo_folder()
    mark = folder / _MARK
    if not mark.is_file() and any(folder.iterdir()):
        raise UsageError(
            "demo_folder_used", f"{folder} holds what no demo has made: move it, or name another"
        )
    mark.touch()
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path != mark:
            path.unlink()
    config = folder / _CONFIG
    config.write_text(demo_text())
    return config


def _simulate(console: Console, settings: Settings) -> None:
    console.print("[bold]1. Two nights, as the camera loggers leave them[/bold]")
    settings.watch.root.mkdir()
    for night, seed in _NIGHTS:
        started = time.monotonic()
        simulated = plan_night(PRESETS[_PRESET], night, seed)
        folder = write_night(simulated, settings.watch.root)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        took_s = time.monotonic() - started
        console.print(f"   {night.kind:<12} {folder}  {size / 1e6:.0f} MB in {took_s:.1f} s")
        for line in _defects(simulated):
            console.print(f"   {'':<12} {line}")


def _defects(simulated: SimulatedNight) -> Iterator[str]:
    """What is wrong with a night on purpose."""
    bad = simulated.truth.bad_cubes
    yield f"{count_of(len(bad), 'cube')} spoiled on purpose: vampd sets them aside, and goes on"
    for cube in bad:
        yield f"  {cube.path}: {str(cube.defect).replace('_', ' ')}"


def _run(console: Console, settings: Settings) -> tuple[NightRecord, ...]:
    from vampd.daemon.scheduler import RunMode

    console.print("[bold]2. vampd --until-idle[/bold]: it warns of the spoiled cubes")
    configure_log(level=LogLevel.WARNING)
    with _progress(console, settings):
        run_daemon(lambda: settings, RunMode.UNTIL_IDLE)
    with connect(settings) as connections:
        return connections.store.nights()


@contextmanager
def _progress(console: Console, settings: Settings) -> Iterator[None]:
    """Shows each night's stage while the block runs: bars on a terminal, else a line a change."""
    ended = threading.Event()
    thread = threading.Thread(target=_follow, args=(console, settings, ended))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _follow(console: Console, settings: Settings, ended: threading.Event) -> None:
    bars = Progress(
        TextColumn("   {task.fields[night]:<12} {task.fields[stage]:<9}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[status]}"),
        console=console,
        disable=not console.is_terminal,
    )
    tasks: dict[NightId, TaskID] = {}
    shown: dict[NightId, str] = {}
    with bars:
        while True:
            last = ended.is_set()
            for record in _look(settings):
                _show_bar(bars, tasks, record)
                line = f"   {record.night.kind:<12} {record.state.stage:<9} {record.state.status}"
                if not console.is_terminal and shown.get(record.night) != line:
                    console.print(line)
                shown[record.night] = line
            if last:
                return
            ended.wait(_LOOK_EVERY_S)


def _show_bar(bars: Progress, tasks: dict[NightId, TaskID], record: NightRecord) -> None:
    if record.night not in tasks:
        tasks[record.night] = bars.add_task("", night=record.night.kind, stage="", status="")
    done = record.state.status is Status.DONE
    stages = stages_of(record.night.kind)
    bars.update(
        tasks[record.night],
        total=len(stages) if done else max(record.all_actions, 1),
        completed=len(stages) if done else record.done_actions,
        stage="" if done else record.state.stage.value,
        status=record.state.status.value,
    )


def _look(settings: Settings) -> tuple[NightRecord, ...]:
    try:
        with connect(settings) as connections:
            return connections.store.nights()
    except VampdError:
        return ()  # the daemon has not made its database yet


def _show(console: Console, settings: Settings, config: Path) -> None:
    console.print("[bold]3. vampctl status[/bold]")
    with connect(settings) as connections:
        show_nights(connections.store.nights(), time.time())
    console.print("[bold]4. The products[/bold]")
    for night, _ in _NIGHTS:
        there = settings.transfer.destination(night.kind).path / night.date
        packed = sum(1 for _ in there.glob("vgen2/*.fits.fz"))
        console.print(f"   {night.kind:<12} {packed} cubes in {there}/vgen2")
    console.print(f"   Continue with: .venv/bin/vampctl --config {config} audit 20251106")
    console.print(f"   The page: .venv/bin/vampd-web --config {config}, at {settings.web.address}")


if __name__ == "__main__":
    main()
