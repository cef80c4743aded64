"""The shows of lists, route maps and key chains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.policy.show import lists, maps
from dmvpn.features.policy.show import lists as access
from dmvpn.features.policy.show import maps as clear
from dmvpn.features.policy.show import maps as keys
from dmvpn.features.policy.show import maps as routing

if TYPE_CHECKING:
    from dmvpn.ios import ExecCommand

COMMANDS: Final[tuple[ExecCommand, ...]] = (
    *access.ACCESS_COMMANDS,
    *keys.KEY_COMMANDS,
    *lists.COMMANDS,
    *maps.COMMANDS,
    *clear.CLEAR_COMMANDS,
    *routing.ROUTING_COMMANDS,
)
