"""State shared by the parts of an EIGRP process: configuration, router ID, interfaces, and the context of the current
event.

The state calls no part. Each field has one writer: `process.py` the configuration, `identity.py` the router ID,
`links.py` the interfaces, `machine.py` the tables. The neighbors are in `neighborhood.py`.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.context import Context
    from dmvpn.features.eigrp.eventlog import EventLog
    from dmvpn.features.eigrp.interface import EigrpInterface
    from dmvpn.features.eigrp.model import EigrpConfig, ProcessSettings
    from dmvpn.features.eigrp.topology import Destination
    from dmvpn.features.eigrp.traffic import PacketCounts


@dataclass(slots=True)
class State:
    """The state of one process.

    config: of the router, with its key chains.
    tables: the topology tables of all processes of the router, by autonomous system.
    router_id: our router ID, in routes that we originate.
    interfaces: by name, the interfaces that the process runs on.
    traces_dual: `debug eigrp fsm` is on.
    is_over: the process ends; its tables are not used any more.
    """

    context: Context
    settings: ProcessSettings
    config: EigrpConfig
    tables: Mapping[int, Mapping[Prefix, Destination]]
    log: EventLog
    traffic: PacketCounts
    router_id: IPv4Address = UNSPECIFIED
    interfaces: dict[str, EigrpInterface] = field(default_factory=dict)
    traces_dual: bool = False
    is_over: bool = False

    @property
    def autonomous_system(self) -> int:
        """Its number."""
        return self.settings.autonomous_system
