"""The generation files of a night one by one: what each says itself, whatever else is damaged."""

from __future__ import annotations

from collections.abc import Sequence

from vampd.errors import DataError
from vampd.model.cubes import Generation, parse_generation
from vampd.model.nights import NightId, Stream
from vampd.model.sync import without_withdrawn
from vampd.ports import SyncReader
from vampd.stages.records.own_paths import GENERATION


def damaged_generations(night: NightId, reader: SyncReader) -> tuple[str, ...]:
    """The generation files that are not what their own digests say, whatever else is on record."""
    texts = generation_texts(night, reader)
    return tuple(path for path, text in texts.items() if _parse(text) is None)


def whole_generations(night: NightId, reader: SyncReader) -> tuple[Generation, ...]:
    """The generations that are what their own digests say, without regard to each other."""
    texts = generation_texts(night, reader).values()
    return tuple(found for text in texts if (found := _parse(text)) is not None)


def given_up_identities(night: NightId, reader: SyncReader) -> frozenset[str]:
    """The products that were withdrawn and not decided again, by the generations that are whole."""
    return withdrawn_of(without_withdrawn(whole_generations(night, reader)))


def withdrawn_of(counting: Sequence[Generation]) -> frozenset[str]:
    """The same of all generations as they count."""
    decided = {product.identity for each in counting for product in each.products}
    return frozenset(identity for each in counting for identity in each.withdrawn) - decided


def generation_texts(night: NightId, reader: SyncReader) -> dict[str, str]:
    """The texts of the generation files, by path."""
    paths = [file.path for file in reader.files(night, Stream.VGEN2)]
    chosen = sorted(path for path in paths if GENERATION.fullmatch(path))
    return {path: text for path in chosen if (text := reader.text(night, path)) is not None}


def _parse(text: str) -> Generation | None:
    try:
        return parse_generation(text)
    except DataError:
        return None
