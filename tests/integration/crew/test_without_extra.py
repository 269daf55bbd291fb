"""Who does not use more hosts has none of their extra, and programs do the same with and without.

Installed without it is played by an interpreter that sees all packages but those of the extra
alone. Each program tells at its end what it has imported.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import sysconfig
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.daemon.running import PATIENCE_S
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, make_site

_TELLS = """
import importlib, os, sys
home, _, name = os.environ["PROGRAM"].partition(":")
try:
    getattr(importlib.import_module(home), name)()
finally:
    os.write(int(os.environ["TELL"]), "\\n".join(sys.modules).encode())
"""
PROGRAMS = {
    "vampd": "vampd.cli.daemon:main",
    "vampctl": "vampd.cli.main:main",
    "vampd-web": "vampd.web.program:main",
}
COMMANDS = [
    "vampctl status", "vampctl daemon", "vampctl crew", "vampctl doctor", "vampd --until-idle",
    "vampd-web",
]  # fmt: skip


def locked(name: str) -> set[str]:
    """The distributions that a lock names."""
    lines = (ROOT / name).read_text().splitlines()
    return {found[0] for line in lines if (found := re.match(r"[a-z][\w.-]*(?===)", line))}


def top_levels(name: str) -> set[str]:
    """What a distribution has put beside the others."""
    files = distribution(name).files or []
    return {Path(file).parts[0] for file in files if ".." not in Path(file).parts}


OF_THE_EXTRA = {
    entry
    for name in locked("requirements-crew.lock")
    - locked("requirements.lock")
    - locked("requirements-web.lock")
    # Backports for older interpreters than this one are not installed.
    if (Path(sysconfig.get_path("purelib")) / name.replace("-", "_")).is_dir()
    for entry in top_levels(name)
}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all packages are but those of the extra."""
    folder = tmp_path_factory.mktemp("packages")
    assert {"dask", "distributed"} <= OF_THE_EXTRA
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if path.name not in OF_THE_EXTRA:
            (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site without [crew], whose database there is."""
    site = make_site(tmp_path_factory.mktemp("site"), web={"listen": "127.0.0.1:0"})
    assert "[crew]" not in site.config.read_text()
    settle_here(site)
    return site


def imported(site: Site, words: str, packages: Path) -> set[str]:
    """The modules of a program that has ended."""
    name, *options = words.split()
    told_r, told_w = os.pipe()
    environment = os.environ | {
        "PROGRAM": PROGRAMS[name], "TELL": str(told_w), "PYTHONPATH": f"{packages}:{ROOT}"
    }  # fmt: skip
    # Without the packages of the interpreter itself.
    command = [sys.executable, "-S", "-c", _TELLS, *options, "--config", str(site.config)]
    with subprocess.Popen(
        command, cwd=site.root, env=environment, pass_fds=[told_w], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        os.close(told_w)
        assert process.stdout is not None
        if name == "vampd-web":
            assert process.stdout.readline().startswith("listening on ")
            process.send_signal(signal.SIGTERM)
        names = b"".join(iter(lambda: os.read(told_r, 1 << 16), b""))
        process.wait(PATIENCE_S)
    os.close(told_r)
    return set(names.decode().split("\n"))


@pytest.mark.parametrize("words", COMMANDS)
def test_the_extra_is_no_part_of_what_a_site_without_other_hosts_runs(
    site: Site, packages: Path, words: str
) -> None:
    without = imported(site, words, packages)
    assert "vampd" in without
    installed = imported(site, words, Path(sysconfig.get_path("purelib")))
    assert installed == without
    assert not {name for name in installed if name.startswith("vampd.adapters.crew")}
