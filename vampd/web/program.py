"""vampd-web: the page's command line."""

from __future__ import annotations

from typing import NoReturn

from vampd.cli.running import run_app
from vampd.cli.service import LogLevelOption, LogTargetOption, VersionOption, make_app, reporting
from vampd.cli.shared.session import ConfigOption, examples, read_settings
from vampd.errors import VampdError
from vampd.log import LogLevel, LogTarget, configure_log, get_log
from vampd.web.extra import refuse_without_extra

app = make_app()


def _log_failure(error: VampdError) -> None:
    get_log().error("web.failed", code=error.code, error=error.message)


@app.command(
    name="vampd-web",
    epilog=examples("vampd-web --config /etc/vampd/vampd.toml", "vampd-web --log console"),
)
def run(
    config: ConfigOption = None,
    log_target: LogTargetOption = LogTarget.AUTO,
    log_level: LogLevelOption = LogLevel.INFO,
    version: VersionOption = False,
) -> None:
    """Serve the page of the nights at [web] listen, and the same for programs, by reading alone.

    vampd neither starts nor needs it, and it works with vampd up or down. Needs the extra `web`:
    pip install 'vampd[web]'. SIGTERM stops it. Exit status: 0 stopped, 1 cannot listen or the extra
    is missing, 2 usage, 78 configuration.
    """
    settings = read_settings(config)
    configure_log(log_target, log_level)
    with reporting(_log_failure):
        refuse_without_extra("vampd-web")
        from vampd.web.server import serve

        serve(settings)


def main() -> NoReturn:
    """Run vampd-web and exit."""
    run_app("vampd-web", app)
