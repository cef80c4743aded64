"""The shows of lists, route maps and key chains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.policy.show import lists, maps

if TYPE_CHECKING:
    from dmvpn.ios import ExecCommand

COMMANDS: Final[tuple[ExecCommand, ...]] = (
    *lists.COMMANDS,
    *maps.COMMANDS,
)
