"""Equal values are one object while a night is looked at, and no longer."""

import threading

from vampd.model.nights import FileStamp
from vampd.model.sharing import shared, sharing


def made(path: str = "vgen2/a.fits.fz") -> FileStamp:
    return FileStamp("".join(path), 2**40, 3)


def test_equal_values_are_the_first_of_them_within_a_look_and_themselves_outside() -> None:
    first, second, other = made(), made(), made("vgen2/b.fits.fz")
    assert shared(second) is second
    with sharing():
        assert shared(first) is first
        assert shared(second) is first
        assert shared(other) is other
        assert shared(None) is None
    assert shared(second) is second
    with sharing():
        assert shared(second) is second


def test_a_look_ends_with_an_error_too_and_another_thread_has_none() -> None:
    first, second = made(), made()
    seen = []
    try:
        with sharing():
            assert shared(first) is first
            thread = threading.Thread(target=lambda: seen.append(shared(second)))
            thread.start()
            thread.join()
            raise RuntimeError
    except RuntimeError:
        assert shared(second) is second
    assert seen[0] is second
