"""An independent reader of a night: it shares no code with vampd, and believes none of its records.

What a product must be is told by the pixels of the raw frames, each of which is known by the digest
of its bytes; astropy decodes the products. Whole files are compared by SHA-256.
"""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
from astropy.io import fits

Tree = Mapping[str, str]
# What vampd proves once, and what must be the same from then on.
PROVEN = re.compile(r"vgen2/([^./][^/]*\.fits\.fz|[^./][^/]*\.txt|generation_\d+\.json)")
_UNPROVEN = frozenset({"vgen2/name_changes.txt"})
SUMS = "SHA256SUMS"
RECEIPTS = "vgen2/receipts.tsv"
REASONS = "vbad/reasons.tsv"


def digest(content: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def tree_of(folder: Path, *, hidden: bool = False) -> dict[str, str]:
    """SHA-256 by path of all files, links followed; those of raw streams are not among them."""
    tree: dict[str, str] = {}
    for root, folders, names in os.walk(folder):
        at = os.path.relpath(root, folder)
        if at == ".":
            folders[:] = [name for name in folders if name not in ("vcam1", "vcam2")]
        if not hidden:
            folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(root, name)
            if (hidden or not name.startswith(".")) and path.is_file():
                tree[os.path.normpath(os.path.join(at, name))] = _digest_of(path)
    return tree


def _digest_of(path: Path) -> str:
    try:
        return digest(path.read_bytes())
    except PermissionError:
        return "not readable"


def is_proven(path: str) -> bool:
    """Whether a file of a night is a product, a sidecar or a generation."""
    return PROVEN.fullmatch(path) is not None and path not in _UNPROVEN


def raw_stamps(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Content, mtime and inode of every raw file."""
    return {
        path.relative_to(folder).as_posix(): (
            digest(path.read_bytes()),
            path.stat().st_mtime_ns,
            path.stat().st_ino,
        )
        for stream in ("vcam1", "vcam2")
        for path in sorted((folder / stream).glob("*"))
    }


def parse_sums(text: str) -> dict[str, str]:
    """What sha256sum's own form says, by path."""
    lines = (line.split("  ", 1) for line in text.splitlines())
    return {path: sha256 for sha256, path in lines}


def parse_receipts(text: str) -> dict[str, str]:
    """The digests of receipts.tsv, by path."""
    rows = [line.split("\t") for line in text.splitlines()[1:]]
    return {row[0]: row[2] for row in rows}


@dataclass
class Witness:
    """What the raw frames of a night are, learned when the cameras wrote them, and decodings."""

    # Frames by raw cube, each the digest of its stored bytes.
    raw: dict[str, tuple[str, ...]] = field(default_factory=dict)
    # Digests of whole raw files, and of the headers of raw cubes.
    files: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    # Frames of good cubes that are in no product, as their rows are none.
    loose: frozenset[str] = frozenset()
    _decoded: dict[str, tuple[str, ...] | None] = field(default_factory=dict)

    def learn(self, folder: Path) -> None:
        """Read the raw cubes that are new."""
        for name, (sha256, _, _) in raw_stamps(folder).items():
            self.files.setdefault(name, sha256)
        for stream in ("vcam1", "vcam2"):
            for path in sorted((folder / stream).glob("*.fits")):
                name = path.relative_to(folder).as_posix()
                if name not in self.raw:
                    self.raw[name] = _frames_of_plain(path)
                    self.headers[name] = _header_of_plain(path)
        twice = [one for one, count in self._counted().items() if count > 1]
        assert not twice, "two raw frames of this simulated night are alike"

    def learn_loose(self, folder: Path) -> None:
        """What no product and no set-aside cube of a finished night holds: one frame at most."""
        tree = tree_of(folder)
        held = {*self.aside(tree)}
        for path, sha256 in tree.items():
            if path.endswith(".fits.fz"):
                held.update(self.frames(folder / path, sha256) or ())
        self.loose = frozenset(self._counted().keys() - held)
        assert len(self.loose) == 1, "not one loose frame is in no product"

    def _counted(self) -> Counter[str]:
        return Counter(frame for frames in self.raw.values() for frame in frames)

    def present(self, folder: Path) -> set[str]:
        """The frames that can be read from raw now."""
        return {
            frame
            for name, frames in self.raw.items()
            if (folder / name).is_file()
            # A frame that is in no product may have rotted, which nothing can show.
            for frame, found in zip(frames, _frames_of_plain(folder / name), strict=False)
            if frame == found
        }

    def frames(self, path: Path, sha256: str) -> tuple[str, ...] | None:
        """The raw frames that a product with this digest holds; None if it is no lossless one."""
        if sha256 not in self._decoded:
            self._decoded[sha256] = self._decode(path)
        return self._decoded[sha256]

    def _decode(self, path: Path) -> tuple[str, ...] | None:
        known = self._counted()
        try:
            with fits.open(_content(path), do_not_scale_image_data=True) as hdus:
                frames = _digests(np.asarray(hdus[1].data))
        except Exception:  # noqa: BLE001 - astropy raises what it likes of damaged files
            return None
        return frames if all(frame in known for frame in frames) else None

    def aside(self, tree: Tree) -> list[str]:
        """The frames of set-aside cubes, whole as the cameras wrote them, of a night's tree."""
        return [
            frame
            for path in tree
            if path.startswith("vbad/vcam") and path.endswith(".fits")
            for frame in self.raw.get(path.removeprefix("vbad/"), ())
        ]

    def lost(self, name: str, tree: Tree, folder: Path, rotten: str | None = None) -> bool:
        """Whether this tree does not hold all of a raw file that is gone.

        A cube is whole under vbad/, or its header is on record and its frames are in products; a
        timing file is whole in either place. Of one that had come to be ``rotten`` (its digest),
        nothing had the header any more.
        """
        if tree.get(f"vbad/{name}") in (self.files[name], rotten or self.files[name]):
            return False
        records = _raw_records(folder)
        if name not in self.raw:
            return records.get(name) != self.files[name]
        held = {
            frame
            for path, sha256 in tree.items()
            if path.endswith(".fits.fz")
            for frame in self.frames(folder / path, sha256) or ()
        }
        has_header = rotten is not None or records.get(f"{name}.header") == self.headers[name]
        return not has_header or not held.issuperset(self.raw[name])

    def holding(self, frames: Collection[str]) -> set[str]:
        """The raw cubes that hold any of these frames."""
        wanted = set(frames)
        return {name for name, held in self.raw.items() if not wanted.isdisjoint(held)}

    def unaccounted(self, tree: Tree, folder: Path, lost: Collection[str] = ()) -> list[str]:
        """Raw cubes with frames that are not exactly once in products or set aside, and others.

        The cube of frames that a person gave up is set aside whole, beside what products hold.
        """
        held: Counter[str] = Counter()
        for path, sha256 in tree.items():
            if path.endswith(".fits.fz"):
                frames = self.frames(folder / path, sha256)
                if frames is None:
                    return [f"{path} does not decode to raw frames"]
                held.update(frames)
        twice = held.keys() & set(lost)
        if twice:
            return [f"{name}: given up, and in a product" for name in sorted(self.holding(twice))]
        aside, in_parts = Counter(self.aside(tree)), self.holding({*lost, *self.loose})
        counts = {
            name: [
                held[one] or aside[one] if name in in_parts else held[one] + aside[one]
                for one in frames
            ]
            for name, frames in self.raw.items()
        }
        nowhere = {*lost, *self.loose}
        return [
            f"{name}: frames {counts[name]} times"
            for name, frames in self.raw.items()
            if any(
                count != 1 and one not in nowhere
                for one, count in zip(frames, counts[name], strict=True)
            )
        ]


def _content(path: Path) -> BytesIO:
    # Of a damaged file astropy would leave the file itself open.
    return BytesIO(path.read_bytes())


def _frames_of_plain(path: Path) -> tuple[str, ...]:
    try:
        with fits.open(_content(path), do_not_scale_image_data=True) as hdus:
            return _digests(np.asarray(hdus[0].data))
    except Exception:  # noqa: BLE001 - a damaged raw file has no frames
        return ()


def _header_of_plain(path: Path) -> str:
    try:
        with fits.open(_content(path)) as hdus:
            size = hdus.fileinfo(0)["datLoc"]
    except Exception:  # noqa: BLE001 - a damaged raw file has no header
        return ""
    return digest(path.read_bytes()[:size])


def _raw_records(folder: Path) -> dict[str, str]:
    """Digests of what vampd has put on record of raw cubes, by name."""
    found = {}
    for path in sorted((folder / "vgen2").glob("raw_records_*.tar.gz")):
        with tarfile.open(path) as records:
            for member in records:
                content = records.extractfile(member)
                assert content is not None
                found[member.name] = digest(content.read())
    return found


def _digests(pixels: np.ndarray) -> tuple[str, ...]:
    frames = pixels.reshape((-1, *pixels.shape[-2:]))
    return tuple(digest(frame.astype(">i2").tobytes()) for frame in frames)
