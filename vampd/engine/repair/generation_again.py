"""A damaged generation, decided again from raw as sync decides.

It is the same to the byte if raw, settings and rules are; a receipt or, before there is one, what
was begun by it must confirm that.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, cast

from vampd.config import Settings
from vampd.errors import DataError
from vampd.model.cubes import (
    FramelistHead,
    Generation,
    PackedProduct,
    format_generation,
    parse_generation,
)
from vampd.model.nights import NightId
from vampd.model.plan import CommitGeneration
from vampd.model.proofs import RecordedReceipt
from vampd.ports import NightReader
from vampd.stages import sync
from vampd.stages.records.whole_generations import generation_texts, whole_generations

_NUMBER = re.compile(r"generation_(\d+)\.json")
_VERSION = re.compile(r'"version":"([^"\\]{1,40})"')
_FORM = re.compile(r'"form":(\d{1,4})')


def number_of(path: str) -> int:
    """The number of a generation, by the path of its file."""
    found = _NUMBER.search(path)
    return int(found[1]) if found else 0


def decide_again(night: NightId, path: str, reader: NightReader, settings: Settings) -> str:
    """The text that sync would write to a damaged generation now.

    DataError ``not_from_raw`` if it has nothing to decide; those of `sync.survey`.
    """
    texts, whole = generation_texts(night, reader), whole_generations(night, reader)
    seen = cast("NightReader", _WithoutDamaged(night, reader, whole))
    plan = sync.plan(sync.survey(night, seen), settings)
    commits = [each for wave in plan.waves for each in wave if isinstance(each, CommitGeneration)]
    if not commits:
        raise DataError("not_from_raw", f"{path} cannot be decided again: raw gives nothing new")
    version, form = (found.search(texts.get(path, "")) for found in (_VERSION, _FORM))
    decided = commits[0].generation
    again = replace(
        decided,
        number=number_of(path) or decided.number,
        version=version[1] if version else decided.version,
        form=int(form[1]) if form else decided.form,
    )
    return format_generation(again)


def refuse_other_decision(night: NightId, path: str, text: str, reader: NightReader) -> None:
    """DataError ``other_bytes`` unless all that was begun by a generation is in its new text."""
    decided = {product.identity for product in parse_generation(text).products}
    begun = {head.identity for head in reader.framelist_heads(night)}
    begun |= set(reader.bound_ids(night))
    begun |= {each.identity or "" for each in reader.packed_products(night)}
    if not begun <= decided:
        raise DataError(
            "other_bytes", f"raw and the settings give other products than {path} had decided"
        )


class _WithoutDamaged:
    """A reader of the night as if its damaged generations were none.

    Where the whole ones were decided with other corrections, the damaged one has replaced them:
    then nothing had been begun, and nothing is shown of what was begun by it.
    """

    def __init__(
        self, night: NightId, reader: NightReader, generations: tuple[Generation, ...]
    ) -> None:
        self._reader = reader
        self._generations = generations
        found = reader.corrections(night).sha256
        self._has_replaced = any(each.corrections != found for each in generations)

    def generations(self, night: NightId) -> tuple[Generation, ...]:
        """The whole ones."""
        del night
        return self._generations

    def framelist_heads(self, night: NightId) -> tuple[FramelistHead, ...]:
        """Those that do not come of what is decided again."""
        return () if self._has_replaced else self._reader.framelist_heads(night)

    def packed_products(self, night: NightId) -> tuple[PackedProduct, ...]:
        """As the framelists."""
        return () if self._has_replaced else self._reader.packed_products(night)

    def packing_receipts(self, night: NightId) -> tuple[RecordedReceipt, ...]:
        """As the framelists."""
        return () if self._has_replaced else self._reader.packing_receipts(night)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)
