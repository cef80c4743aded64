"""The table of OSPF: what two neighbors over a tunnel must agree on, and have for each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.ospf import terms as of_ospf
from dmvpn.features.ospf.model import Area, Interface
from dmvpn.features.ospf.settings import network_line
from dmvpn.features.ospf.terms import OspfEnd
from dmvpn.network.routing import Protocol, ospf_interface
from dmvpn.network.terms.table import Table

if TYPE_CHECKING:
    from dmvpn.network.overlay import EndPair, TunnelEnd


def ospf_end(end: TunnelEnd, _pair: EndPair | None = None) -> OspfEnd | None:
    """Return an end as OSPF has it; None: OSPF does not send Hellos there."""
    number = next((one.number for one in end.running if one.protocol is Protocol.OSPF), None)
    if number is None:
        return None
    port = ospf_interface(end.device, end.name) or Interface(name=end.name)
    process = next((one for one in end.device.ospf.processes if one.number == number), None)
    line = network_line(process, end.address) if process is not None and port.process is None else None
    in_area = line.area if line is not None else port.area or 0
    areas = process.areas if process is not None else ()
    area = next((one for one in areas if one.number == in_area), Area(number=in_area))
    checks_ttl = port.checks_ttl or (port.checks_ttl is None and process is not None and process.ttl_hops is not None)
    config, servers = end.device.ospf, len(end.nhrp.nhs)
    return OspfEnd(end.device.hostname, port, number, area, line, config.key_chains, servers, checks_ttl)


OSPF: Final = Table(ospf_end, of_ospf.TERMS, of_ospf.DUTIES)
