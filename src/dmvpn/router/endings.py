"""Interfaces that a new configuration ends: protocols that run there say goodbye while packets still leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.notices import AnswersEnd, LineEnds
from dmvpn.ios.common import INTERFACE, SHUTDOWN
from dmvpn.ios.interfaces import interface_sort_key

#: What a change of one of these lines may end.
ENDING_LINES = frozenset((INTERFACE, SHUTDOWN))

if TYPE_CHECKING:
    from dmvpn.base.notices import Notice
    from dmvpn.base.pages import Pages
    from dmvpn.base.ports import Ports
    from dmvpn.ios import Args, ConfigTree, Section


def endings(before: Pages[str], after: Pages[str], ports: Ports) -> list[Notice]:
    """Return those that were on, and are shut down or taken away now.

    Tunnels whose packets leave by one of them end first.
    """
    gone, came = after.changes(before)
    still = frozenset(came.values())
    ending = sorted((name for name in gone.values() if name not in still), key=interface_sort_key)
    if not ending:
        return []
    over = [tunnel.name for tunnel in ports.tunnels.all() if tunnel.source_interface in ending]
    names = dict.fromkeys((*over, *ending))
    tunnels = [name for name in names if ports.tunnels.get(name) is not None]
    return [*map(LineEnds, names), *map(AnswersEnd, tunnels)]


def switched_on(tree: ConfigTree) -> Pages[str]:
    """Return the interfaces that are configured and not shut down."""
    return tree.made(INTERFACE, _switched_on)


def _switched_on(args: Args, section: Section) -> str | None:
    return None if section.flag(SHUTDOWN) else args.interface("name")
