"""Interfaces that a new configuration ends: protocols that run there say goodbye while packets still leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.notices import AnswersEnd, LineEnds
from dmvpn.ios.common import INTERFACE, SHUTDOWN

#: What a change of one of these lines may end.
ENDING_LINES = frozenset((INTERFACE, SHUTDOWN))

if TYPE_CHECKING:
    from dmvpn.base.notices import Notice
    from dmvpn.base.ports import Ports
    from dmvpn.ios import ConfigTree


def endings(before: dict[str, None], after: dict[str, None], ports: Ports) -> list[Notice]:
    """Those that were on, and are shut down or taken away now. Tunnels whose packets leave by one of them end first."""
    ending = [name for name in before if name not in after]
    if not ending:
        return []
    over = [tunnel.name for tunnel in ports.tunnels.all() if tunnel.source_interface in ending]
    names = dict.fromkeys((*over, *ending))
    tunnels = [name for name in names if ports.tunnels.get(name) is not None]
    return [*map(LineEnds, names), *map(AnswersEnd, tunnels)]


def switched_on(tree: ConfigTree) -> dict[str, None]:
    """The interfaces that are configured and not shut down, in the order of the configuration."""
    found = ((args.interface("name"), section) for args, section in tree.sections(INTERFACE))
    return {name: None for name, section in found if not section.flag(SHUTDOWN)}
