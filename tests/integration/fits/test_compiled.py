"""Compiled once a machine, and not before it is needed; what a power cut left is made anew."""

import errno
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.support.examples import others_in_soak
from vampd.fits.compiled import compiled, remove_damaged
from vampd.fits.rice import TileDecoder, TileEncoder

# Quick to compile; the coder's own loops take ten seconds.
_LOOPS = """
from vampd.fits.compiled import compiled

@compiled
def double(number):
    return 2 * number

@compiled
def half(number):
    return number // 2
"""
_CODE = """
from loops import double, half
assert half(double(21)) == 21
print([sum(loop.stats.cache_hits.values()) for loop in (double, half)])
"""
_IDLE = """
import sys
import vampd.cli.main, vampd.engine.execute, vampd.engine.workers, vampd.fits.worker
print(sorted({"numba", "llvmlite", "astropy"} & set(sys.modules)))
"""


def _run(code: str, cache: Path, modules: Path = ROOT) -> str:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(modules)}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@pytest.mark.soak
def test_what_was_compiled_is_kept_and_a_damaged_cache_is_made_anew(tmp_path: Path) -> None:
    cache = tmp_path / "made" / "by itself"
    (tmp_path / "loops.py").write_text(_LOOPS)
    assert _run(_CODE, cache, tmp_path) == "[0, 0]"
    assert _run(_CODE, cache, tmp_path) == "[1, 1]"
    kept = [path for path in cache.rglob("*.nb*") if path.is_file()]
    assert len(kept) >= 4
    for number, path in enumerate(sorted(kept)):
        path.write_bytes(b"" if number % 2 else bytes(path.stat().st_size))
    assert _run(_CODE, cache, tmp_path) == "[0, 0]"
    assert _run(_CODE, cache, tmp_path) == "[1, 1]"


def test_only_damaged_files_of_that_function_are_removed(tmp_path: Path) -> None:
    contents = {
        "module.encode-108.py311.nbi": b"",
        "module.encode-108.py311.1.nbc": bytes(7),
        "module.encode-99.py311.nbi": b"\x80whole.",
        "module.encode-108.py311.txt": b"",
        "module.decode-108.py311.nbi": b"",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    remove_damaged(tmp_path, "encode")
    assert sorted(os.listdir(tmp_path)) == sorted(list(contents)[2:])


def test_where_no_cache_can_be_it_works_without() -> None:
    names: dict = {}
    # numba finds no folder for what has no file.
    exec("def double(number):\n    return 2 * number", names)
    double = compiled(names["double"])
    assert double(np.int64(21)) == 42
    assert double.signatures


def test_where_the_caches_disk_is_full_it_works_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from numba.core import caching

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "save", refuse)
    (tmp_path / "full.py").write_text(_LOOPS)
    spec = importlib.util.spec_from_file_location("full", tmp_path / "full.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.double(np.int64(21)) == 42


def test_a_cache_that_others_could_write_is_emptied_and_one_of_others_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from numba import config

    (tmp_path / "loops.py").write_text(_LOOPS)
    for folder, owner in ((tmp_path / "open", os.geteuid()), (tmp_path / "foreign", 4711)):
        folder.mkdir()
        (folder / "planted.nbi").write_bytes(b"\x80planted.")
        os.chown(folder, owner, -1)
        folder.chmod(0o775)
        monkeypatch.setattr(config, "CACHE_DIR", str(folder))
        spec = importlib.util.spec_from_file_location(folder.name, tmp_path / "loops.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        is_used = str(module.double.stats.cache_path).startswith(str(folder))
        assert is_used == (owner == os.geteuid())
        if is_used:
            assert [path.name for path in folder.glob("*.nbi")] == []
            assert folder.stat().st_mode & 0o777 == 0o700


def test_daemon_and_vampctl_do_without_the_compiler(tmp_path: Path) -> None:
    assert _run(_IDLE, tmp_path) == "[]"


@pytest.mark.parametrize("kernel", ["encode", "decode"])
def test_the_loops_are_kept_and_hold_no_lock_of_the_interpreter(kernel: str) -> None:
    from vampd.fits.rice import kernels as rice_kernels

    dispatcher = getattr(rice_kernels, kernel)
    assert dispatcher.targetoptions["nogil"] is True
    assert dispatcher.stats.cache_path


def _code(encoder: TileEncoder, decoder: TileDecoder, pixels: np.ndarray) -> None:
    length = encoder.add(pixels)
    np.testing.assert_array_equal(decoder.decode(encoder.coded, length), pixels)


@pytest.mark.parametrize("dtype", others_in_soak([np.int16, np.int32, np.int8]))
def test_the_loops_allocate_nothing(dtype: type) -> None:
    runtime: Any = importlib.import_module("numba.core.runtime")
    rtsys = runtime.rtsys
    runtime._nrt_python.memsys_enable_stats()
    taken = []
    for pixels in (32, 32_000):
        noise: np.ndarray = np.random.default_rng(1).integers(-100, 100, pixels).astype(dtype)
        noise = noise.astype(noise.dtype.newbyteorder(">"))
        encoder, decoder = TileEncoder(1, pixels, dtype), TileDecoder(pixels, dtype)
        _code(encoder, decoder, noise)  # the first time compiles
        encoder.clear()
        before = rtsys.get_allocation_stats()
        _code(encoder, decoder, noise)
        after = rtsys.get_allocation_stats()
        taken.append((after.alloc - before.alloc, after.mi_alloc - before.mi_alloc))
    # What is counted is how arguments are handed over.
    assert taken[0] == taken[1]
    assert max(taken[0]) < 12
