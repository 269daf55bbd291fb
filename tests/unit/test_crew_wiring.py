"""Who packs is chosen by the settings, and what cannot be is said before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from vampd.config import CrewSettings, Settings, parse_settings
from vampd.errors import EXIT_CONFIG, ConfigError
from vampd.ports import Crew
from vampd.wiring import crew as wiring
from vampd.wiring.crew import crew_of, refuse_without_engine
from vampd.wiring.worker import run_worker

LOCAL = cast(Crew, object())


def settings_with(crew: str, folder: Path) -> Settings:
    return parse_settings(
        f'[watch]\nroot = "{folder}"\n[database]\nurl = "sqlite:///{folder}/state/vampd.db"\n'
        f'[transfer.archive]\ndestination = "/a"\n[transfer.engineering]\ndestination = "/b"\n'
        f"[crew]\n{crew}\n",
        "here",
    )


def test_this_machine_packs_unless_an_engine_is_set(tmp_path: Path) -> None:
    with crew_of(settings_with("", tmp_path), LOCAL, cast(Any, None), lambda: False) as crew:
        assert crew is LOCAL


def test_an_engine_that_is_not_installed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "find_spec", lambda _: None)
    refuse_without_engine(CrewSettings())
    settings = settings_with('engine = "dask"\nscheduler = "tcp://127.0.0.1:1"', tmp_path)
    with (
        pytest.raises(ConfigError, match="make install CREW=1") as caught,
        crew_of(settings, LOCAL, cast(Any, None), lambda: False),
    ):
        pass
    assert (caught.value.code, caught.value.exit_status) == ("crew_missing", EXIT_CONFIG)


def test_a_worker_without_a_daemon_to_work_for_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        run_worker(settings_with("", tmp_path), "w1")
    assert caught.value.code == "crew_local"
