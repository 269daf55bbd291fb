"""Debian's chromium, as an observer would have it, driven by playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Of the group `browser`, which only the soak and the pictures install.
    from playwright.sync_api import Browser

# Without the sandbox, because root may not have one; what the browser asks of its maker is no page.
_FLAGS = ("--no-sandbox", "--disable-background-networking", "--disable-component-update")


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A browser without a window; SystemExit if there is none."""
    program = shutil.which("chromium")
    if program is None:
        raise SystemExit("chromium is not installed: `make soak` and `make bench-web` bring it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()
