"""What Prometheus asks for: `/metrics`, and the list of its targets (HTTP service discovery)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse, Response

from dmvpn.web.described import ANY_OBJECT, TEXT, operation, parameter
from dmvpn.web.exposition import Format
from dmvpn.web.permission import resource
from dmvpn.web.scraping import Wish, scrape

if TYPE_CHECKING:
    from starlette.requests import Request

    from dmvpn.ios.filters import Plain
    from dmvpn.web.fleet import Fleet
    from dmvpn.web.turns import Turns

METRICS: Final = "/metrics"
TARGETS: Final = "/api/v1/targets"
_PRIVATE: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_TARGETS: Final[Plain] = {"type": "array", "items": ANY_OBJECT}
_MEANINGS: Final = {
    "lab": "This lab alone",
    "router": "This router alone",
    "peers": "How many rows a table has that has one for each peer",
}


class Watched:
    """The resources as methods."""

    def __init__(self, fleet: Fleet, turns: Turns) -> None:
        self._fleet = fleet
        self._turns = turns

    @resource(
        "GET",
        METRICS,
        operation(
            "What all routers count, as text of Prometheus or OpenMetrics",
            TEXT,
            given=[parameter("query", name, meaning) for name, meaning in _MEANINGS.items()],
            media=[form.value.partition(";")[0] for form in Format],
        ),
    )
    async def metrics(self, request: Request) -> Response:
        """Give what routers count, as text."""
        wish = Wish.of(request.query_params, request.headers)
        text = await self._turns.read(request.scope["caller"], lambda: scrape(self._fleet, wish), "scrapes")
        return Response(
            text.encode("utf-8", "replace"), media_type=None, headers={**_PRIVATE, "Content-Type": wish.form.value}
        )

    @resource("GET", TARGETS, operation("A target for each router, for the service discovery of Prometheus", _TARGETS))
    async def targets(self, request: Request) -> Response:
        """Give a target for each router, as Prometheus's `http_sd_configs` reads them."""
        origin = request.scope["origin"]
        found = await self._turns.read(request.scope["caller"], self._fleet.running)
        return JSONResponse(
            [
                {
                    "targets": [origin.host],
                    "labels": {
                        "__scheme__": "https" if origin.secure else "http",
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
