"""A simulated network as `dmvpn lab watch` sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.chronicle import line_from_plain
from dmvpn.face.watching import Watching
from dmvpn.shells.handle import Handle
from dmvpn.tools.watch import Assembler, Step

if TYPE_CHECKING:
    from support.world import World


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
