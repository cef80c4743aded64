"""The tables of routing protocols, of NHRP and of tunnels: what two ends of a tunnel must agree on, and have for each
other.

    PROTOCOLS           what one end runs the other end has to run, too
    EIGRP, OSPF, RIP    two neighbors over the tunnel
    TUNNELS, NHRP       both ends have these lines in the section of the interface
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.findings import Cause, Severity, rule
from dmvpn.base.terms import Duty
from dmvpn.features.eigrp import terms as of_eigrp
from dmvpn.features.eigrp.config import processes as eigrp_lines
from dmvpn.features.eigrp.config.interfaces import AF_PASSIVE, AF_SHUTDOWN, IPV6_EIGRP
from dmvpn.features.eigrp.config.sections import af_interface_lines, header, process_lines
from dmvpn.features.eigrp.model import ProcessSettings
from dmvpn.features.eigrp.terms import EigrpEnd
from dmvpn.features.nhrp import terms as of_nhrp
from dmvpn.features.ospf import terms as of_ospf
from dmvpn.features.ospf.config import interfaces as port_lines
from dmvpn.features.ospf.config import processes as ospf_lines
from dmvpn.features.ospf.config import version3
from dmvpn.features.ospf.model import Area, Interface
from dmvpn.features.ospf.settings import network_line
from dmvpn.features.ospf.terms import OspfEnd
from dmvpn.features.rip import config as rip_lines
from dmvpn.features.rip import terms as of_rip
from dmvpn.features.rip.model import LAST_KEY
from dmvpn.features.rip.terms import RipEnd
from dmvpn.features.tunnel import terms as of_tunnels
from dmvpn.ios import INTERFACE
from dmvpn.network.overlay import EndPair, TunnelEnd
from dmvpn.network.routing import Protocol, Running, running
from dmvpn.network.terms.table import Table

# ------------------------------------------------------------------------------------------------ tunnels and NHRP


TUNNELS: Final = Table(lambda end, _: end.tunnel, of_tunnels.TERMS)
NHRP: Final = Table(lambda end, _: end.nhrp if end.nhrp.network_id is not None else None, of_nhrp.TERMS)


# ------------------------------------------------------------------------------------------------ EIGRP


def eigrp_end(end: TunnelEnd, pair: EndPair) -> EigrpEnd | None:
    """Return an end as EIGRP has it: with the process of the peer's number, or else the first; None: without Hellos."""
    own = _numbers(end)
    theirs = _numbers(pair.there if end is pair.here else pair.here) if len(own) > 1 else []
    number = next((one for one in own if one in theirs), next(iter(own), None))
    process = _process(end, number)
    if process is None:
        return None
    settings = process.interface(end.name)
    chain = end.device.eigrp.key_chain(settings.key_chain)
    return EigrpEnd(end.name, process, settings, tuple(chain.keys) if chain is not None else (), end.device.tree)


def _process(end: TunnelEnd, number: int | None) -> ProcessSettings | None:
    """Return a process of EIGRP for the version of IP of an end."""
    processes = end.device.eigrp.of_version(end.nhrp.version)
    return next((one for one in processes if one.autonomous_system == number), None)


def _numbers(end: TunnelEnd) -> list[int]:
    return [one.number for one in end.running if one.protocol is Protocol.EIGRP]


EIGRP: Final = Table(eigrp_end, of_eigrp.TERMS)


# ------------------------------------------------------------------------------------------------ OSPF


def ospf_end(end: TunnelEnd, _pair: EndPair | None = None) -> OspfEnd | None:
    """Return an end as OSPF has it; None: OSPF does not send Hellos there."""
    number = next((one.number for one in end.running if one.protocol is Protocol.OSPF), None)
    if number is None:
        return None
    config, servers = end.device.ospf.of_version(end.nhrp.version), len(end.nhrp.nhs)
    port = end.ospf_lines or Interface(name=end.name)
    process = next((one for one in config.processes if one.number == number), None)
    line = network_line(process, end.address) if process is not None and port.process is None else None
    in_area = line.area if line is not None else port.area or 0
    areas = process.areas if process is not None else ()
    area = next((one for one in areas if one.number == in_area), Area(number=in_area))
    checks_ttl = port.checks_ttl or (port.checks_ttl is None and process is not None and process.ttl_hops is not None)
    version, chains = end.nhrp.version, config.key_chains
    return OspfEnd(end.device.hostname, port, number, area, line, chains, servers, checks_ttl, version)


OSPF: Final = Table(ospf_end, of_ospf.TERMS, of_ospf.DUTIES)


# ------------------------------------------------------------------------------------------------ RIP


def _rip_end(end: TunnelEnd, _: EndPair) -> RipEnd | None:
    """Return an end as RIP has it; None: it sends no updates there."""
    if not any(one.protocol is Protocol.RIP for one in end.running):
        return None
    config = end.device.rip
    settings = config.interface(end.name)
    chain = config.key_chain(settings.key_chain)
    keys = tuple(key for key in chain.keys if key.number <= LAST_KEY) if chain is not None else ()
    return RipEnd(end.device.hostname, config, settings, keys, end.device.vrf)


RIP: Final = Table(_rip_end, of_rip.TERMS, of_rip.DUTIES)


# ------------------------------------------------------------------------------------- the protocols that both ends run


#: The wildcard of one address.
_HOST: Final = IPv4Address(0)
ONE_SIDED: Final = rule(Severity.ERROR)(r"""
    routing-one-sided: Only one end of a tunnel runs a routing protocol on it, and the other has no routes
    The other end neither learns nor advertises routes. Either a `network` line does not match the tunnel's address, or
    the interface is passive, or routes are missing. No finding if it has static routes or BGP.
    bad: router eigrp 100\n network 192.168.10.0 0.0.0.255
    fix: router eigrp 100\n network 10.0.0.0 0.0.0.255
    """)


def wanted(here: TunnelEnd, there: TunnelEnd) -> str:
    """Return the protocol that the other end runs for this end, which runs none: "EIGRP 100".

    "": this end knows the routes of the other end by other means, or its protocols are in a table that is not in view.
    """
    device, bgp = here.device, there.device.bgp
    if here.running or here.address is None or device.vrf_of(here.name) != device.vrf:
        return ""
    if device.bgp.local_as or (there.address is not None and there.address in device.rip.neighbors):
        return ""
    if any(map(here.carries, device.static_of(device.vrf).routes)):
        return ""
    is_peer = any(one.peer == here.address for one in bgp.neighbors)
    if is_peer or any(here.address in one.prefix for one in bgp.listen_ranges):
        return f"BGP {bgp.local_as}"
    return str(there.running[0]) if there.running else ""


def _own(here: TunnelEnd, there: TunnelEnd) -> Running | None:
    """Return the wanted protocol as it runs at this end: on a passive interface."""
    name = wanted(here, there).partition(" ")[0]
    found = running(here.device, here.name, here.address) if name else ()
    return next((one for one in found if one.protocol.value == name), None)


def _passive(here: TunnelEnd, there: TunnelEnd) -> str:
    own, router = _own(here, there), here.device.hostname
    alone = f"{here.name} is a passive interface of {own} at {router}, and {wanted(here, there)} runs at the other end"
    return alone if own is not None else ""


def _active(here: TunnelEnd, there: TunnelEnd) -> tuple[str, ...]:
    """Return the lines that let a process send on a tunnel."""
    own, device = _own(here, there), here.device
    if own is None:
        return ()
    if own.protocol is Protocol.OSPF:
        return _ospf_process(here, own.number), ospf_lines.PASSIVE.no(name=here.name)
    if own.protocol is Protocol.RIP:
        return *rip_lines.process(device.vrf), rip_lines.PASSIVE.no(interface=here.name)
    process = _process(here, own.number)
    if process is not None and process.name:
        return af_interface_lines(process, here.name, AF_PASSIVE.no())
    return process_lines(process, eigrp_lines.PASSIVE.no(name=here.name))


def _silent(here: TunnelEnd, there: TunnelEnd) -> str:
    other = wanted(here, there)
    if not other or _own(here, there) is not None:
        return ""
    protocol, router = other.partition(" ")[0], here.device.hostname
    lines = _started(here, there)
    if lines and lines[-1] == ospf_lines.SHUTDOWN.no():
        said = f"{protocol} is shut down at {router}"
    elif lines:
        why = f"network line covers {here.address}" if here.nhrp.version == 4 else "line of the interface starts it"
        said = f"{protocol} of {router} does not run on {here.name}: no {why}"
    else:
        said = f"{protocol} does not run at {router}"
    return f"{said}, and {other} runs at the other end"


def _started(here: TunnelEnd, there: TunnelEnd) -> tuple[str, ...]:
    """Return the lines by which the process that an end has runs on its tunnel; (): it has none."""
    device, (protocol, _, number) = here.device, wanted(here, there).partition(" ")
    if protocol == Protocol.RIP.value and device.rip.enabled:
        return *rip_lines.process(device.vrf), rip_lines.NETWORK.line(network=str(here.address))
    if protocol == Protocol.EIGRP.value and (processes := device.eigrp.of_version(here.nhrp.version)):
        same = (one for one in processes if str(one.autonomous_system) == number)
        process = next(same, processes[0])
        instance = here.device.tree.section(eigrp_lines.ROUTER_NAMED, name=process.name) if process.name else None
        if instance is not None and instance.flag(eigrp_lines.INSTANCE_SHUTDOWN):
            return eigrp_lines.ROUTER_NAMED.line(name=process.name), eigrp_lines.INSTANCE_SHUTDOWN.no()
        if process.shutdown:
            return process_lines(process, eigrp_lines.CLASSIC_SHUTDOWN.no())
        if process.interface(here.name).shutdown:
            if not process.name:
                return INTERFACE.line(name=here.name), IPV6_EIGRP.line(number=process.autonomous_system)
            return af_interface_lines(process, here.name, AF_SHUTDOWN.no())
        return process_lines(process, eigrp_lines.IN_FAMILY.network.line(address=here.address, wildcard=_HOST))
    far = ospf_end(there)
    ospf = next(iter(device.ospf.of_version(here.nhrp.version).processes), None)
    if protocol == Protocol.OSPF.value and ospf is not None and far is not None:
        if ospf.shutdown:
            return _ospf_process(here, ospf.number), ospf_lines.SHUTDOWN.no()
        area = far.spoken(port_lines.PROCESS).line(process=ospf.number, area=far.area.number)
        return INTERFACE.line(name=here.name), area
    return ()


def process_line(end: TunnelEnd) -> tuple[str, ...]:
    """Return the line of the first process on a tunnel; without one the tunnel."""
    first = next(iter(end.running), None)
    if first is None:
        return end.at
    if first.protocol is Protocol.EIGRP and (process := _process(end, first.number)) is not None:
        return (header(process),)
    return (_ospf_process(end, first.number) if first.protocol is Protocol.OSPF else rip_lines.ROUTER.line(),)


def _ospf_process(end: TunnelEnd, number: int) -> str:
    """Return the line that opens the section of a process of OSPF for the version of IP of an end."""
    return version3.process(end.device.tree, number, end.device.vrf, end.nhrp.version)


PASSIVE: Final = Duty["TunnelEnd"](
    rule=ONE_SIDED, cause=Cause.PASSIVE_INTERFACE, fails=_passive, place=process_line, lines=_active
)
SILENT: Final = Duty["TunnelEnd"](
    rule=ONE_SIDED, cause=Cause.NETWORK_STATEMENT, fails=_silent, place=process_line, lines=_started
)
PROTOCOLS: Final = Table["TunnelEnd"](lambda end, _: end, (), (PASSIVE, SILENT))
