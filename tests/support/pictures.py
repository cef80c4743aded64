"""The pictures in docs/pictures, drawn from simulated networks in which hosts have talked.

python -m support.pictures      draw them (in the folder `tests`)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from dmvpn.base.chronicle import line_from_plain
from dmvpn.face.watching import Watching
from dmvpn.shells.handle import Handle
from dmvpn.tools.picture import as_moving, as_svg, picture_of
from dmvpn.tools.watch import Assembler, Step
from support.world import World

# A simulated network as `dmvpn lab watch` sees it.


def watching(world: World, router: str) -> Watching:
    """Somebody who watches a router."""
    return Watching(
        Handle(
            lambda: world.sim.routers[router].router, lambda: world.now, lambda event: None, lambda key, octets: None
        )
    )


class Watch:
    """All routers, watched together."""

    def __init__(self, world: World, *routers: str) -> None:
        self._watched = {router: watching(world, router) for router in routers}
        self._assembler = Assembler()

    def steps(self) -> list[Step]:
        """What has happened since this was asked last."""
        for router, watched in self._watched.items():
            while (news := watched.news()) is not None:
                if news.addresses:
                    self._assembler.knows(router, news.addresses)
                for plain in news.lines:
                    self._assembler.add(router, line_from_plain(plain), 0.0)
        return self._assembler.take(1.0)


FOLDER: Final = Path(__file__).parents[2] / "docs" / "pictures"


@dataclass(frozen=True)
class Drawn:
    """A picture of the documentation.

    talk: host and address: packets of this kind flow before it is drawn.
    moves: with the messages that flow meanwhile; each wire takes 5 ms, so that they have an order.
    """

    scenario: str
    talk: tuple[tuple[str, str], ...] = ()
    moves: bool = False


PICTURES: Final = {
    "shortcut.svg": Drawn("notes-phase3", (("H3", "10.4.4.100"),)),
    "shortcut-moves.svg": Drawn("notes-phase3", (("H3", "10.4.4.100"),), moves=True),
    "regions.svg": Drawn("hierarchical", (("HA1", "10.2.1.100"), ("HA1", "10.1.2.100"))),
    "two-hubs.svg": Drawn("dual-hub-two-clouds", (("H1", "10.1.102.100"),)),
    "one-nat.svg": Drawn("ipsec-two-spokes-one-nat", (("H3", "10.4.4.100"),)),
}


def drawing(drawn: Drawn) -> str:
    """Return the picture of a simulated network after its hosts have talked, as SVG."""
    world = World(drawn.scenario)
    if drawn.moves:
        for segment in world.sim.segments:
            segment.impairment = replace(segment.impairment, delay=0.005)
    watch = Watch(world.converge(), *world.sim.routers)
    watch.steps()
    for host, address in drawn.talk:
        world.stream(host, address, seconds=5, rate=1)
    facts = world.sim.facts(world.scenario)
    picture = picture_of(world.scenario, f"simulated lab {drawn.scenario}, as it runs", facts.routers, facts.links)
    return as_moving(picture, watch.steps()) if drawn.moves else as_svg(picture)


def main() -> None:
    """Draw all."""
    FOLDER.mkdir(exist_ok=True)
    for name, drawn in PICTURES.items():
        (FOLDER / name).write_text(drawing(drawn))


if __name__ == "__main__":
    main()
