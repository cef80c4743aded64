"""What Prometheus asks for: `/metrics`, and the list of its targets (HTTP service discovery)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dmvpn.web.scraping import Wish, scrape

if TYPE_CHECKING:
    from starlette.requests import Request

    from dmvpn.web.fleet import Fleet

METRICS: Final = "/metrics"
_PRIVATE: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
#: Scrapes at a time; more wait. One of ten thousand peers takes some megabytes.
_AT_ONCE: Final = 2


def routes(fleet: Fleet) -> list[Route]:
    """Return the resources."""
    watched = _Watched(fleet)
    return [Route(METRICS, watched.metrics), Route("/api/v1/targets", watched.targets)]


class _Watched:
    """The resources as methods."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def metrics(self, request: Request) -> Response:
        """Give what routers count, as text."""
        wish = Wish.of(request.query_params, request.headers)
        async with self._free:
            text = await run_in_threadpool(scrape, self._fleet, wish)
        return Response(
            text.encode("utf-8", "replace"), media_type=None, headers={**_PRIVATE, "Content-Type": wish.form.value}
        )

    async def targets(self, request: Request) -> Response:
        """Give a target for each router, as Prometheus's `http_sd_configs` reads them."""
        here = request.headers["host"]
        found = await run_in_threadpool(self._fleet.running)
        return JSONResponse(
            [
                {
                    "targets": [here],
                    "labels": {
                        "__metrics_path__": METRICS,
                        "__param_lab": one.lab,
                        "__param_router": one.router,
                        "instance": f"{one.lab}/{one.router}",
                    },
                }
                for one in found
            ],
            headers=_PRIVATE,
        )
