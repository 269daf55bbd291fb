"""What is published: all that an archive of the source and a wheel need, and nothing else.

The wheel is built from the source's archive, so that one that lacks something shows. Its
dependencies are those of the tests' own interpreter, shown to it by a path file: what is judged is
vampd's part.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT
from vampd import __version__

_SOURCE_FOLDERS = (".ci", "config", "docs", "systemd", "tests", "vampd")
_STRAY = (
    "night.fits",
    "notes.txt",
    "demo/state/vampd.db",
    "vampd/__pycache__/old.pyc",
    "dist/x.gz",
)
_NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", "build", "dist", "demo", "__pycache__", ".*_cache", ".hypothesis"
)


@dataclass(frozen=True)
class Package:
    """The unpacked source and the wheel built from it."""

    source: Path
    wheel: Path


def _run(command: list[str | Path], folder: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _build(target: str, folder: Path, into: Path) -> Path:
    _run([sys.executable, "-m", "hatchling", "build", "-t", target, "-d", into], folder)
    (built,) = into.iterdir()
    return built


def _files(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    base = tmp_path_factory.mktemp("package")
    tree = base / "tree"
    shutil.copytree(ROOT, tree, ignore=_NOT_COPIED, symlinks=True)
    for name in _STRAY:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).touch()
    (base / "source").mkdir()
    _run(["tar", "-xzf", _build("sdist", tree, base / "sdist")], base / "source")
    (source,) = (base / "source").iterdir()
    return Package(source, _build("wheel", source, base / "wheel"))


@pytest.fixture(scope="module")
def installed(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh environment that has this wheel and, of vampd, nothing else."""
    environment = tmp_path_factory.mktemp("installed") / "environment"
    _run([sys.executable, "-m", "venv", "--without-pip", environment], ROOT)
    python = environment / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-compile")
    _run([*pip, "--no-index", "--no-deps", package.wheel], ROOT)
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "of_the_tests.pth").write_text(sysconfig.get_path("purelib"))
    code = "import vampd; print(vampd.__file__)"
    assert Path(_run([python, "-c", code], environment).strip()).is_relative_to(packages)
    return environment / "bin"


@pytest.mark.parametrize("folder", _SOURCE_FOLDERS)
def test_the_source_s_archive_has_what_builds_installs_and_tests(
    package: Package, folder: str
) -> None:
    assert _files(package.source / folder) == _files(ROOT / folder)


def test_the_source_s_archive_has_nothing_else(package: Package) -> None:
    files = {name for name in _files(package.source) if name.split("/")[0] not in _SOURCE_FOLDERS}
    locks = {path.name for path in ROOT.glob("*.lock")}
    pages = {path.name for path in ROOT.glob("*.md")}
    built = {".gitignore", "LICENSE", "Makefile", "PKG-INFO", "pyproject.toml"}
    assert locks
    assert files == locks | pages | built


def test_the_wheel_is_vampd_with_its_configuration_and_nothing_else(package: Package) -> None:
    with zipfile.ZipFile(package.wheel) as wheel:
        files = set(wheel.namelist())
    about = f"vampd-{__version__}.dist-info"
    assert files == {
        *(f"vampd/{name}" for name in _files(ROOT / "vampd")),
        *(f"vampd/_config/{name}" for name in _files(ROOT / "config")),
        f"{about}/METADATA", f"{about}/RECORD", f"{about}/WHEEL", f"{about}/entry_points.txt",
        f"{about}/licenses/LICENSE",
    }  # fmt: skip


def test_the_wheel_asks_for_what_pyproject_names(package: Package) -> None:
    with zipfile.ZipFile(package.wheel) as wheel:
        metadata = wheel.read(f"vampd-{__version__}.dist-info/METADATA").decode()
    asked = [line for line in metadata.splitlines() if line.startswith("Requires-Dist: ")]
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert len([line for line in asked if "extra ==" not in line]) == len(named["dependencies"])
    assert f"Requires-Python: {named['requires-python']}" in metadata
    for needed in named["optional-dependencies"]["dask"]:
        lines = [line for line in asked if line.startswith(f"Requires-Dist: {needed};")]
        assert {line.rpartition("extra == ")[2] for line in lines} == {"'dask'", "'dev'"}


@pytest.mark.parametrize("program", ["vampd", "vampctl"])
def test_the_installed_programs_name_their_version(
    installed: Path, tmp_path: Path, program: str
) -> None:
    assert _run([installed / program, "--version"], tmp_path) == f"{program} {__version__}\n"


def test_the_installed_vampctl_simulates_a_night(installed: Path, tmp_path: Path) -> None:
    _run([installed / "vampctl", "simulate", tmp_path / "root", "--preset", "tiny"], tmp_path)
    assert list((tmp_path / "root").glob("ARCHIVED_DATA/*/vcam1/*.fits"))


# Its packer is compiled anew, which takes longer than all else here.
@pytest.mark.soak
def test_the_demo_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    out = _run([installed / "python", "-m", "vampd.cli.demo"], tmp_path, VAMPD_DEMO=f"{tmp_path}/d")
    assert "spoiled on purpose" in out
    assert "http://127.0.0.1:8390/" in out.rstrip().splitlines()[-1]
    assert list((tmp_path / "d/scexao6/2_ARCHIVED_DATA").glob("*/vgen2/*.fits.fz"))
