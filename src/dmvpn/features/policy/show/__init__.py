"""The shows of lists, route maps and key chains."""

from __future__ import annotations

from typing import Final

from dmvpn.features.policy.show import lists, maps
from dmvpn.ios import ExecCommand

COMMANDS: Final[tuple[ExecCommand, ...]] = (
    *lists.COMMANDS,
    *maps.COMMANDS,
)
