"""Authorities for tests: what they answer is theirs to say."""

from collections.abc import Sequence

from vampd.model.frame_ids import FrameId, NumberRange


class Answering:
    """An authority that gives what it was told to, and remembers what it was asked."""

    def __init__(self, *answer: int | str, numbers: NumberRange = NumberRange.RAW) -> None:
        self.answer: Sequence[int | str] = answer
        self.numbers = numbers
        self.asked: list[tuple[int, FrameId | None]] = []
        self.left: list[str] = []

    def strays(self) -> Sequence[str]:
        return self.left

    def grant(self, count: int, highest_used: FrameId | None) -> Sequence[str]:
        self.asked.append((count, highest_used))
        return lines_of(self.answer)


def lines_of(answer: Sequence[int | str]) -> list[str]:
    """Numbers as the lines of an answer; text stays as it is."""
    return [each if isinstance(each, str) else str(FrameId(each)) for each in answer]
