"""Nothing that lies among the nights is opened, made or changed but by walking to it.

Every other call that takes a path stands here, by its module, with what the path is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import vampd

PACKAGE = Path(vampd.__file__).parent
OF_OS = frozenset({"open", "rename", "replace", "link", "symlink", "unlink", "remove", "rmdir"})
OF_OS |= {"removedirs", "mkdir", "makedirs", "truncate", "chmod", "chown", "lchown", "mkfifo"}
OF_OS |= {"mknod", "utime"}
OF_SHUTIL = frozenset({"rmtree", "move", "copy", "copy2", "copyfile", "copytree"})
OF_PATH = frozenset({"open", "read_text", "read_bytes", "write_text", "write_bytes", "unlink"})
OF_PATH |= {"rename", "mkdir", "rmdir", "touch", "symlink_to", "hardlink_to", "chmod"}
# What else these names are.
NOT_FILES = frozenset(
    {"gzip.open", "tarfile.open", "names.unlink", "names.rename", "names.link", "webbrowser.open"}
)
WALKS = {"disk/reading/foreign_file.py", "disk/durable/names.py", "disk/durable/atomic.py"}
ELSEWHERE = {
    "adapters/authorities/answers.py": "Gen2's answer, by its configured path; a link is none",
    "adapters/archive/copying.py": "descriptors that were walked to",
    "adapters/archive/gate.py": "a file of the package",
    "adapters/archive/probe.py": "doctor's probe: a temporary folder, a local destination",
    "adapters/crew/certificates.py": "a folder that a person names; certificates of the settings",
    "adapters/crew/hosts.py": "descriptors that were walked to",
    "adapters/crew/host.py": "meters, in a folder that is the owner's alone",
    "adapters/crew/probe.py": "beside the signs: descriptors that were walked to",
    "adapters/crew/sign.py": "a sign, beside the mark of the root: the owner alone writes it",
    "adapters/credentials.py": "the login that the settings name",
    "adapters/programs/print_to_file.py": "the file of a command's output; a link is none",
    "cli/demo.py": "the demo's own folder",
    "cli/status/crew.py": "a folder that a person names",
    "cli/shared/night_dates.py": "the configuration that a person names",
    "cli/running.py": "/dev/null",
    "config/configured.py": "files that the settings name",
    "config/demo.py": "the demo's own folder",
    "daemon/running.py": "flags, in a folder that is the owner's alone",
    "disk/failpoint.py": "of tests",
    "disk/leased.py": "lease and signs, beside the mark of the root: the owner alone writes them",
    "disk/life_signs.py": "beside the database, in the state folder; a link is none; /proc",
    "disk/lock.py": "the state; a link, or a second name, is no lock",
    "disk/machine/capacity.py": "/proc",
    "disk/machine/disks.py": "/proc and /sys",
    "disk/machine/mounts.py": "/proc",
    "disk/rights/ownership.py": "the state, and the code that numba compiled",
    "disk/rights/permission.py": "/proc; and whether a file can be read, which says nothing of it",
    "disk/rights/request_folder.py": "the folder of requests, whose links are none",
    "disk/rights/request_place.py": "the same folder, in the state that is the owner's alone",
    "disk/shared.py": "flags, in a folder that is the owner's alone",
    "disk/reading/writers.py": "/proc",
    "disk/temporary.py": "the system's temporary place; a link is none of our folders",
    "engine/packing.py": "meters, in a folder that is the owner's alone",
    "cli/checks/here.py": "/proc",
    "engine/purge/raw_records.py": "descriptors that were walked to",
    "adapters/archive/sources.py": "a private temporary folder",
    "fits/products/unpacking.py": "files that a person names",
    "cli/act/restore.py": "descriptors that were walked to",
    "fits/compiled.py": "the code that numba compiled, in a folder that is the owner's alone",
    "fits/raw/frame_count.py": "descriptors that were walked to",
    "fits/raw/rawcube.py": "descriptors that were walked to",
    "fits/worker.py": "descriptors that were walked to",
    "ledger/file.py": "descriptors that were walked to",
    "simulate/header_cards.py": "a file of the package",
    "simulate/truth.py": "a file that a person names",
    "simulate/writer.py": "a simulated night",
    "store/database/opening.py": "the database, in the state folder",
    "store/database/reading.py": "copies of the database, in a private temporary folder",
    "store/database/version.py": "the index of the database's log, in the state folder",
    "web/serving/listening.py": "the socket that the settings name",
    "web/templates.py": "files of the package",
    "wiring/daemon.py": "flags, in a folder that is the owner's alone",
}


def path_calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        module, _, name = called.rpartition(".")
        if called in NOT_FILES:
            continue
        is_path_call = (
            called == "open"
            or (module == "os" and name in OF_OS)
            or (module == "shutil" and name in OF_SHUTIL)
            or (module not in ("", "os") and name in OF_PATH)
        )
        if is_path_call:
            yield node.lineno, called


def test_no_path_among_the_nights_is_used_without_a_walk() -> None:
    found: dict[str, list[tuple[int, str]]] = {}
    for path in PACKAGE.rglob("*.py"):
        calls = list(path_calls(ast.parse(path.read_text())))
        if calls:
            found[path.relative_to(PACKAGE).as_posix()] = calls
    unknown = {name: found[name] for name in found.keys() - ELSEWHERE.keys() - WALKS}
    assert not unknown
    assert ELSEWHERE.keys() <= found.keys(), "say nothing of what is gone"
