"""[crew]: other hosts are reached by mutual TLS, or not at all."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from vampd.config import CrewEngine, CrewSettings

FILES: dict[str, Any] = {
    "ca_file": Path("/c/ca.pem"),
    "certificate": Path("/c/a.pem"),
    "key": Path("/c/a.key"),
}
DASK: dict[str, Any] = {"engine": CrewEngine.DASK}


def test_this_machine_packs_unless_an_engine_is_named() -> None:
    assert CrewSettings().engine is CrewEngine.LOCAL


@pytest.mark.parametrize(
    ("scheduler", "place"),
    [("tls://sc5:8786", ("sc5", 8786)), ("tls://[fe80::1]:1", ("fe80::1", 1))],
)
def test_a_scheduler_is_reached_by_tls(scheduler: str, place: tuple[str, int]) -> None:
    crew = CrewSettings(**DASK, **FILES, scheduler=scheduler)
    assert crew.is_encrypted
    assert crew.place == place


@pytest.mark.parametrize("scheduler", ["tcp://127.0.0.1:8786", "tcp://[::1]:8786"])
def test_on_loopback_it_may_be_without(scheduler: str) -> None:
    assert not CrewSettings(**DASK, scheduler=scheduler).is_encrypted


@pytest.mark.parametrize(
    "scheduler", ["tcp://sc5:8786", "tcp://localhost:8786", "tcp://10.0.0.1:1"]
)
def test_nothing_but_loopback_is_reached_without(scheduler: str) -> None:
    with pytest.raises(ValidationError, match="other hosts need tls://"):
        CrewSettings(**DASK, **FILES, scheduler=scheduler)


@pytest.mark.parametrize("missing", FILES)
def test_tls_needs_all_three_files(missing: str) -> None:
    files = {name: path for name, path in FILES.items() if name != missing}
    with pytest.raises(ValidationError, match="belong together"):
        CrewSettings(**DASK, **files, scheduler="tls://sc5:8786")


def test_tls_without_files_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"needs crew\.ca_file"):
        CrewSettings(**DASK, scheduler="tls://sc5:8786")


def test_an_engine_needs_a_scheduler() -> None:
    with pytest.raises(ValidationError, match=r"needs crew\.scheduler"):
        CrewSettings(**DASK)


@pytest.mark.parametrize(
    "scheduler", ["sc5:8786", "tls://sc5", "tls://:1", "tls://sc5:0", "tls://sc5:65536",
                  "http://sc5:1", "tls://a b:1", "tls://sc5:8786/x"],
)  # fmt: skip
def test_what_is_no_address_is_refused(scheduler: str) -> None:
    with pytest.raises(ValidationError, match="tls://sc5:8786"):
        CrewSettings(scheduler=scheduler)


def test_a_host_is_not_lost_between_two_signs() -> None:
    with pytest.raises(ValidationError):
        CrewSettings(lost_after_s=5)


def test_files_are_named_by_absolute_paths() -> None:
    with pytest.raises(ValidationError, match="absolute"):
        CrewSettings(ca_file=Path("ca.pem"))
