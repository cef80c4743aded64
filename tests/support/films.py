"""Films played by the modules of the page, by node without a page."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

NODE: Final = shutil.which("node")
_PAGE: Final = Path(__file__).parents[1] / "page"
_FILM: Final = '<script type="application/json" id="film">'

Moment = dict[str, Any]


def film_in(page: str) -> dict[str, Any]:
    """The film inside of an exported page."""
    begin = page.index(_FILM) + len(_FILM)
    film: dict[str, Any] = json.loads(page[begin : page.index("</script>", begin)])
    return film


def played(film: dict[str, Any], *moments: str | float) -> list[Moment]:
    """What the page knows at these moments."""
    return [json.loads(line) for line in _run("play.mjs", film, *map(str, moments)).splitlines()]


def opened(film: dict[str, Any], text: str) -> Moment:
    """What the page shows when the first step with a text is opened: its fields, and the sentences of its cause."""
    found: Moment = json.loads(_run("cause.mjs", film, text))
    return found


def wires(film: dict[str, Any], links: list[str]) -> Moment:
    """What the page finds out about wires. links: their names at the server."""
    found: Moment = json.loads(_run("wires.mjs", {**film, "links": links}))
    return found


def clustered(spokes: int, scale: float, *, broken: int = 0, alone: int = 0) -> Moment | None:
    """The clusters of a hub with spokes on a map of a scale. broken: the first ones; alone: the chosen one; 0: none."""
    found: Moment | None = json.loads(_run("clusters.mjs", {}, *map(str, (spokes, scale, broken, alone))))
    return found


def state_and_copy() -> list[Moment]:
    """What a state and its copy know after each one has changed."""
    found: list[Moment] = json.loads(_run("shared.mjs", {}))
    return found


def dots(flows: list[dict[str, object]]) -> Moment:
    """The dots that the map draws for traffic: how many, on each way, and how far each moves in 0.1 s."""
    found: Moment = json.loads(_run("traffic.mjs", {"flows": flows}))
    return found


def flows(rates: list[dict[str, object]], owners: dict[str, str]) -> list[dict[str, object]]:
    """The traffic between routers that the map shows. owners: the router at each NBMA address."""
    found: list[dict[str, object]] = json.loads(_run("flows.mjs", {"rates": rates, "owners": owners}))
    return found


def cards(spokes: int) -> Moment:
    """The titles of the cards on tunnels between a hub and spokes, on the part of each alone and on the shared part."""
    found: Moment = json.loads(_run("hover.mjs", {}, str(spokes)))
    return found


def texts(*pictures: dict[str, object]) -> list[Moment]:
    """The texts on maps, and those of them that are on each other: see `labels.mjs`."""
    found: list[Moment] = json.loads(_run("labels.mjs", pictures))
    return found


def said_of_messages(
    stage: dict[str, object], news: list[dict[str, Any]], now: float, most: int = 100_000
) -> list[str]:
    """The ladder's sentences about messages. now: the last moment of which anything is known. most: kept steps."""
    found: list[str] = json.loads(_run("fates.mjs", {"stage": stage, "news": news, "now": now, "most": most}))
    return found


def while_loading(stage: dict[str, object], news: list[dict[str, Any]], time: float) -> list[dict[str, int]]:
    """How many tunnels are in each condition after each report of a router."""
    found: list[dict[str, int]] = json.loads(_run("loading.mjs", {"stage": stage, "news": news, "time": time}))
    return found


def _run(script: str, film: object, *words: str) -> str:
    ran = subprocess.run(
        [str(NODE), str(_PAGE / script), *words],
        input=json.dumps(film),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
