"""The locks name, with their hashes, one version of all that pyproject.toml asks for."""

import re
import tomllib
from functools import cache
from itertools import chain

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
BUILD, BROWSER, RUN, WEB, DEV = (
    f"requirements{kind}.lock" for kind in ("-build", "-browser", "", "-web", "-dev")
)
ASKED = {
    BUILD: PYPROJECT["build-system"]["requires"] + PYPROJECT["dependency-groups"]["build"],
    BROWSER: PYPROJECT["dependency-groups"]["browser"],
    RUN: PROJECT["dependencies"],
    WEB: [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["web"]],
    DEV: [*PROJECT["dependencies"], *chain(*PROJECT["optional-dependencies"].values())],
}
PYTHONS = [f"3.{minor}" for minor in range(11, 16)]
_ENTRY = re.compile(r"(?P<pin>[^#\s].*?)(?P<hashes>( \\\n    --hash=sha256:[0-9a-f]{64})+)\n")


@cache
def entries(lock: str) -> tuple[Requirement, ...]:
    return tuple(Requirement(entry["pin"]) for entry in _ENTRY.finditer((ROOT / lock).read_text()))


def versions(lock: str, python: str) -> dict[str, str]:
    """What pip installs from a lock on Linux, by the packages' normal names."""
    here = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": "linux",
        "platform_python_implementation": "CPython",
    }
    pins = [pin for pin in entries(lock) if pin.marker is None or pin.marker.evaluate(here)]
    names = [canonicalize_name(pin.name) for pin in pins]
    assert len(names) == len(set(names))
    return dict(zip(names, (str(pin.specifier).removeprefix("==") for pin in pins), strict=True))


def test_python_is_asked_for_as_these_tests_do() -> None:
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"


@pytest.mark.parametrize("lock", ASKED)
def test_a_lock_is_nothing_but_versions_and_hashes(lock: str) -> None:
    comments = re.compile(r"^#.*\n", re.MULTILINE)
    text = comments.sub("", (ROOT / lock).read_text())
    assert _ENTRY.sub("", text) == ""
    for entry in entries(lock):
        assert entry.url is None
        assert re.fullmatch(r"==[\w.+!]+", str(entry.specifier))
    # Neither the address of an index nor a path of the machine that made it.
    assert not re.search("/|http|index|vampd", (ROOT / lock).read_text())


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", ASKED)
def test_what_pyproject_asks_for_is_locked_within_its_bounds(lock: str, python: str) -> None:
    locked = versions(lock, python)
    asked = [Requirement(text) for text in ASKED[lock]]
    assert asked
    for requirement in asked:
        if requirement.name != PROJECT["name"]:
            version = locked[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version, prereleases=True), requirement


@pytest.mark.parametrize("python", PYTHONS)
def test_a_package_has_the_same_version_in_each_lock(python: str) -> None:
    run, dev = (versions(lock, python) for lock in (RUN, DEV))
    assert run.items() <= dev.items()
    for beside in (BUILD, BROWSER):
        known = versions(beside, python).items()
        assert all(dev.get(name, version) == version for name, version in known), beside
