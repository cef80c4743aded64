"""State shared by the parts of the RIP process: configuration, circuits, and the context of the current event.

Only the machine writes `config` and `circuits`.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.features.rip.model import RipConfig

if TYPE_CHECKING:
    from dmvpn.base.context import Context
    from dmvpn.base.ports import Ports
    from dmvpn.features.rip.interface import RipInterface


@dataclass(slots=True)
class State:
    """The state of the process. circuits: by interface name."""

    context: Context
    config: RipConfig = field(default_factory=RipConfig)
    circuits: dict[str, RipInterface] = field(default_factory=dict)

    @property
    def ports(self) -> Ports:
        """The router's other features."""
        return self.context.ports
