"""The extra `web`: what the page is made with, which vampd itself needs not."""

from __future__ import annotations

from importlib.util import find_spec

from vampd.errors import UsageError

_NEEDED = ("starlette", "uvicorn", "jinja2", "prometheus_client")


def refuse_without_extra(program: str) -> None:
    """UsageError ``web_missing`` where the extra is not installed."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(
            "web_missing",
            f"{program} needs the extra `web`, of which {', '.join(missing)} is not installed"
            " here: pip install 'vampd[web]'",
        )
