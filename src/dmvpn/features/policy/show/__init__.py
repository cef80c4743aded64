"""The shows of lists, route maps and key chains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.policy.show import clear, keys, lists, maps, routing
from dmvpn.features.policy.show import lists as access

if TYPE_CHECKING:
    from dmvpn.ios import ExecCommand

COMMANDS: Final[tuple[ExecCommand, ...]] = (
    *access.ACCESS_COMMANDS,
    *keys.COMMANDS,
    *lists.COMMANDS,
    *maps.COMMANDS,
    *clear.COMMANDS,
    *routing.COMMANDS,
)
