"""Who packs for the daemon, and what a host is that packs for it, by the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from vampd import __version__
from vampd.config import CrewEngine, CrewSettings, Settings
from vampd.errors import ConfigError, RootUnknown
from vampd.ports import Crew

if TYPE_CHECKING:
    from vampd.engine.root_guard import RootGuard

_NEEDED = ("distributed", "dask_jobqueue", "cryptography")


def missing_parts() -> list[str]:
    """What is not installed here of the extra `dask`."""
    return [name for name in _NEEDED if find_spec(name) is None]


def refuse_without_engine(crew: CrewSettings) -> None:
    """ConfigError ``crew_missing`` where the engine of the settings is not installed."""
    missing = missing_parts()
    if crew.engine is not CrewEngine.LOCAL and missing:
        raise ConfigError(
            "crew_missing",
            f'crew.engine = "{crew.engine}" needs the extra `dask`, of which {", ".join(missing)}'
            " is not installed here: `make install CREW=1`, or pip install 'vampd[dask]'",
        )


def security(crew: CrewSettings) -> Any:
    """How the engine's parts know each other, None on loopback."""
    from vampd.adapters.crew import security_of

    return security_of(crew.ca_file, crew.certificate, crew.key)


@contextmanager
def crew_of(
    settings: Settings, local: Crew, root: RootGuard, is_paused: Callable[[], bool]
) -> Iterator[Crew]:
    """The crew of the settings: ``local``, or hosts and it. ConfigError ``crew_missing``."""
    crew = settings.crew
    if crew.engine is CrewEngine.LOCAL:
        yield local
        return
    refuse_without_engine(crew)
    from vampd.adapters.crew import Board, DaskEngine, HostCrew, Terms

    def mark() -> str | None:
        try:
            known = root.recognize()
        except RootUnknown:
            return None
        return known.mark if known is not None and known.is_placed else None

    board = Board(settings.watch.root, mark, is_paused, __version__, crew.lost_after_s)
    with ExitStack() as stack:
        engine = DaskEngine(crew.scheduler, security(crew), __version__)
        stack.callback(engine.close)
        board.start()
        stack.callback(board.close)
        terms = Terms(crew.local_places, crew.lost_after_s, crew.fall_back_after_s)
        hosts = HostCrew(settings.watch.root, board, engine, local, terms)
        stack.callback(hosts.close)
        yield hosts
