"""The addresses, and what each of them answers."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from vampd.cli.shared.words import one_line
from vampd.cli.status.daemon_words import daemon_object
from vampd.config import Settings
from vampd.disk.machine import shrink_heap
from vampd.errors import UsageError, VampdError
from vampd.log import get_log
from vampd.model.nights import NightId
from vampd.web.asked import (
    ObjectsAsked,
    night_name,
    parse_night_name,
    read_nights_asked,
    read_objects_asked,
    read_page_asked,
    refuse_words,
)
from vampd.web.pages.metrics import METRICS_TYPE, tell_metrics
from vampd.web.pages.night_page import make_night_page
from vampd.web.pages.nights_page import make_nights_page
from vampd.web.pages.objects import night_object_in_full, night_objects
from vampd.web.pages.seen import Seen
from vampd.web.pages.sheets import MENU, SHEETS, SheetKind
from vampd.web.serving.answers import Answers, Made, etag_of, pack, respond
from vampd.web.serving.guard import Guard
from vampd.web.sight import NightsReader, Sight, Told
from vampd.web.templates import MEDIA_TYPES, Site, asset, render

_HTML, _JSON = "text/html", "application/json"
_FOREVER = "public, max-age=31536000, immutable"
_TRY_AGAIN_S = 10
# So many answers leave a few megabytes of holes in the heap, and then ever more.
_TIDY_EVERY = 128


def make_application(settings: Settings, clock: Callable[[], float] = time.time) -> ASGIApp:
    """The application, ready to be served; nothing is read before it is asked."""
    pages = Pages(settings, clock, Site(socket.gethostname(), MENU))
    routes = [
        Route("/", pages.nights),
        Route("/night/{night}", pages.night),
        *(Route(f"/{kind.name}", partial(pages.sheet, kind)) for kind in SHEETS),
        *(Route(f"/api/v1/{kind.name}", partial(pages.api_sheet, kind)) for kind in SHEETS),
        Route("/api/v1/daemon", pages.api_daemon),
        Route("/api/v1/nights", pages.api_nights),
        Route("/api/v1/nights/{night}", pages.api_night),
        Route("/metrics", pages.metrics),
        Route("/static/{name}", pages.static),
    ]
    application = Starlette(
        routes=routes,
        exception_handlers={
            HTTPException: pages.refused,
            VampdError: pages.failed,
            Exception: pages.broken,
        },
    )
    application.router.redirect_slashes = False
    return Guard(application, settings.web.names)


class Pages:
    """What the addresses answer."""

    def __init__(self, settings: Settings, clock: Callable[[], float], site: Site) -> None:
        self._settings = settings
        self._reader = NightsReader(settings)
        self._answers = Answers(self._reader.version, clock)
        self._clock = clock
        self._site = site
        self._made = 0

    async def nights(self, request: Request) -> Response:
        asked = read_nights_asked(_pairs(request))

        def tell(now: float, sight: Sight) -> Made:
            page = make_nights_page(sight, asked, self._reader.look_for_life(now), now)
            return self._page("nights.html", "", now, "", page=page)

        return await self._told(request, asked, tell)

    async def night(self, request: Request) -> Response:
        night = _night(request)
        number = read_page_asked(_pairs(request))

        def tell(now: float, sight: Sight) -> Made:
            page = make_night_page(sight, _known(sight, night), number, now)
            return self._page("night.html", "../", now, None, page=page)

        return await self._told(request, number, tell)

    async def sheet(self, kind: SheetKind, request: Request) -> Response:
        refuse_words(_pairs(request))

        def tell(now: float, sight: Sight) -> Made:
            return self._page(
                "sheet.html", "", now, kind.name, page=kind.make(self._seen(sight, now))
            )

        return await self._told(request, kind.name, tell)

    async def api_sheet(self, kind: SheetKind, request: Request) -> Response:
        refuse_words(_pairs(request))

        def tell(now: float, sight: Sight) -> Made:
            return _json(kind.objects(self._seen(sight, now)))

        return await self._told(request, kind.name, tell)

    def _seen(self, sight: Sight, now: float) -> Seen:
        return Seen(self._settings, sight, self._reader.look_for_life(now), now)

    async def api_nights(self, request: Request) -> Response:
        asked = read_objects_asked(_pairs(request))

        def tell(now: float, sight: Sight) -> Made:
            objects, before = night_objects(sight, asked, now)
            return _json(objects, None if before is None else _next_link(asked, before))

        return await self._told(request, asked, tell)

    async def api_daemon(self, request: Request) -> Response:
        refuse_words(_pairs(request))
        return await self._answers.answer(
            request.url.path,
            lambda now: _json(daemon_object(self._reader.look_for_life(now), now)),
            request.headers,
        )

    async def api_night(self, request: Request) -> Response:
        night = _night(request)
        refuse_words(_pairs(request))

        def tell(now: float, sight: Sight) -> Made:
            return _json(night_object_in_full(sight, _known(sight, night), now))

        return await self._told(request, night, tell)

    async def metrics(self, request: Request) -> Response:
        refuse_words(_pairs(request))
        # Not kept: whether vampd runs is no matter of the database. Nor packed, which would cost a
        # tenth of it for three kilobytes.
        tell = partial(tell_metrics, self._reader)
        body = await run_in_threadpool(self._make, tell, self._clock())
        made = Made(body, METRICS_TYPE)
        return respond(made, etag_of(body), None, request.headers)

    async def static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in MEDIA_TYPES:
            raise HTTPException(404)
        content = asset(name)
        made = Made(content, MEDIA_TYPES[name], {"Cache-Control": _FOREVER})
        return respond(made, etag_of(content), pack(content), request.headers)

    async def _told(
        self, request: Request, asked: object, tell: Callable[[float, Sight], Made]
    ) -> Response:
        def make(now: float) -> Made:
            return self._make(lambda at: self._reader.read(partial(tell, at)), now)

        return await self._answers.answer((request.url.path, asked), make, request.headers)

    def _make(self, make: Callable[[float], Told], now: float) -> Told:
        """Make an answer, and now and then give back what such have left."""
        told = make(now)
        self._made += 1
        if self._made % _TIDY_EVERY == 0:
            shrink_heap()
        return told

    def _page(self, name: str, up: str, now: float, here: str | None, **values: object) -> Made:
        return Made(render(name, self._site, up, now, here, **values), _HTML)

    async def refused(self, request: Request, error: Exception) -> Response:
        """There is no such page."""
        assert isinstance(error, HTTPException)
        return self._error(request, error.status_code, "nothing has this address")

    async def failed(self, request: Request, error: Exception) -> Response:
        """What is expected to fail: a wrong question, or a database that cannot be read now."""
        assert isinstance(error, VampdError)
        if isinstance(error, UsageError):
            status = 404 if error.code == "night_unknown" else 400
            return self._error(request, status, error.message)
        get_log().warning("web.failed", code=error.code, error=error.message)
        answer = self._error(request, 503, error.message)
        answer.headers["Retry-After"] = str(_TRY_AGAIN_S)
        return answer

    async def broken(self, request: Request, error: Exception) -> Response:
        """A bug, which is told to the log alone."""
        get_log().error("web.broken", address=request.url.path, exc_info=error)
        return self._error(request, 500, "vampd-web failed at this; its log says why")

    def _error(self, request: Request, status: int, why: str) -> Response:
        if request.url.path.startswith("/api/"):
            body, media_type = json.dumps({"error": why}).encode(), _JSON
        else:
            up = "../" * (request.url.path.count("/") - 1)
            words = one_line(why)
            at = self._clock()
            body = render("error.html", self._site, up, at, None, status=status, why=words)
            media_type = _HTML
        return Response(body, status, media_type=media_type, headers={"Cache-Control": "no-store"})


def _pairs(request: Request) -> Sequence[tuple[str, str]]:
    return request.query_params.multi_items()


def _night(request: Request) -> NightId:
    night = parse_night_name(request.path_params["night"])
    if night is None:
        raise HTTPException(404)
    return night


def _known(sight: Sight, night: NightId) -> NightId:
    if sight.nights.knows(night):
        return night
    raise UsageError("night_unknown", f"no {night.kind} night {night.date} is known")


def _json(value: object, link: str | None = None) -> Made:
    headers = {} if link is None else {"Link": link}
    return Made(json.dumps(value, separators=(",", ":")).encode(), _JSON, headers)


def _next_link(asked: ObjectsAsked, before: NightId) -> str:
    choice = asked.choice
    words = {
        "kind": choice.kind,
        "only": choice.only,
        "since": choice.since,
        "limit": asked.limit,
        "before": night_name(before),
    }
    query = urlencode({name: str(value) for name, value in words.items() if value})
    return f'<?{query}>; rel="next"'
