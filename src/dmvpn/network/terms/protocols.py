"""The tables of routing protocols, of NHRP and of tunnels: what two ends of a tunnel must agree on, and have for each
other.

    PROTOCOLS           what one end runs the other end has to run, too
    EIGRP, OSPF, RIP    two neighbors over the tunnel
    TUNNELS, NHRP       both ends have these lines in the section of the interface
    and of IPsec        whether a tunnel is protected, transforms, mode, forward secrecy
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.findings import Cause, Severity, rule
from dmvpn.base.terms import Duty, Likeness, Term
from dmvpn.base.values import Value
from dmvpn.features.eigrp import terms as of_eigrp
from dmvpn.features.eigrp.config import processes as eigrp_lines
from dmvpn.features.eigrp.config.interfaces import AF_PASSIVE, AF_SHUTDOWN, IPV6_EIGRP
from dmvpn.features.eigrp.config.sections import af_interface_lines, header, process_lines
from dmvpn.features.eigrp.model import ProcessSettings
from dmvpn.features.eigrp.terms import EigrpEnd
from dmvpn.features.ike.translation import begins_with_v1
from dmvpn.features.ipsec.config.profiles import PFS as PFS_LINE
from dmvpn.features.ipsec.config.profiles import PROFILE, TRANSFORM_SETS, lines_of
from dmvpn.features.ipsec.model import IpsecProfile, TransformSet
from dmvpn.features.ipsec.policies import DEFAULT_TRANSFORM_SET, find_profile, transform_of, usable_sets
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
from dmvpn.features.tunnel.config import PROTECTION as PROTECTION_LINE
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


_TUNNEL: Final = "tunnel"


class IpsecEnd(Value):
    """A protected tunnel. sets: the usable transform sets of its profile. begins: it sends first, as clients do."""

    end: TunnelEnd
    profile: IpsecProfile
    sets: tuple[TransformSet, ...]
    begins: bool

    @property
    def opening(self) -> str:
        """The line that opens its profile."""
        return PROFILE.line(name=self.end.tunnel.protection)

    @property
    def mode(self) -> str:
        """The mode of its SAs, as the line has it."""
        if all(one.require_transport for one in self.sets):
            return "transport require"
        return "transport" if any(one.transport for one in self.sets) else _TUNNEL

    @property
    def begins_with_v1(self) -> bool:
        """Whether its first message is one of IKEv1."""
        return self.begins and not self.profile.ikev2_profile and begins_with_v1(self.end.device.ikev2)


def ipsec_end(end: TunnelEnd, pair: EndPair) -> IpsecEnd | None:
    """Return an end as IPsec has it; None: it is not protected, or its profile protects nothing."""
    config = end.device.ipsec
    profile = find_profile(config, end.tunnel.protected_by) if end.tunnel.protection else None
    sets = tuple(one for one, _ in usable_sets(config, profile)[0]) if profile is not None else ()
    if profile is None or not sets:
        return None
    return IpsecEnd(end, profile, sets, end is pair.here or not pair.nhrp)


# ---------------------------------------------------------------------------------------------------- protection


def _protection_lines(end: TunnelEnd, protection: str) -> tuple[str, ...]:
    """Return the lines of a tunnel with this protection; a router with one profile has its own."""
    opening, known = INTERFACE.line(name=end.name), end.device.ipsec.profiles
    if not protection:
        return opening, f"no {_protection_line(end.tunnel.protected_by)}"
    return opening, _protection_line(known[0].name if len(known) == 1 else protection)


def _protection_line(protection: str) -> str:
    """Return the line that protects a tunnel. protection: see `TunnelSettings.protected_by`."""
    profile, _, own = protection.partition(" ")
    kind, _, name = own.partition("-profile ")
    return PROTECTION_LINE.line(profile=profile, **({kind: name} if own else {}))


PROTECTED: Final = Term["TunnelEnd", str](
    rule=rule(Severity.ERROR)(r"""
        ipsec-one-sided: One end of a tunnel is protected, and the other is not
        A protected tunnel sends and accepts nothing in clear, and the other end sends only in clear. Not even a
        registration gets through.
        bad: interface Tunnel0\n tunnel mode gre multipoint
        fix: interface Tunnel0\n tunnel protection ipsec profile P
        """),
    cause=Cause.UNPROTECTED,
    name="tunnel protection",
    effect="only one end sends in clear, and the other drops that",
    see=lambda end: end.tunnel.protected_by,
    words=lambda protection: "tunnel protection" if protection else "no tunnel protection",
    fits=lambda here, there: Likeness.of(bool(here) == bool(there)),
    place=lambda end: end.line("tunnel protection"),
    lines=_protection_lines,
    protects=bool,
    is_kept=True,
    other="",
)
PROTECTION: Final = Table(lambda end, _: end, (PROTECTED,))

# ---------------------------------------------------------------------------------------------------- transform sets


def _transform_lines(end: IpsecEnd, value: tuple[TransformSet, ...]) -> tuple[str, ...]:
    """Return the lines by which an end offers the first of these sets: by a set that it has, else by a new one."""
    wanted, names = value[0], end.profile.transform_sets
    known = {one.name: one for one in (DEFAULT_TRANSFORM_SET, *end.end.device.ipsec.transform_sets)}
    alike = next((one.name for one in known.values() if replace(one, name=wanted.name) == wanted), "")
    if alike:
        return end.opening, TRANSFORM_SETS.line(name1=alike)
    is_taken = wanted.name in known and wanted.name not in names
    name = names[0] if is_taken and names else wanted.name
    used = () if name in names else (end.opening, TRANSFORM_SETS.line(name1=name))
    return (*lines_of(replace(wanted, name=name)), *used)


def _algorithms(sets: tuple[TransformSet, ...]) -> str:
    """Return the algorithms of sets, as lines have them behind the name."""
    return " or ".join(lines_of(replace(one, name="-"))[0].partition(" - ")[2] for one in sets)


def _offer_one(here: tuple[TransformSet, ...], there: tuple[TransformSet, ...]) -> Likeness:
    """Return whether two ends have a transform in common."""
    return Likeness.of(not {transform_of(one) for one in here}.isdisjoint(map(transform_of, there)))


TRANSFORMS: Final = Term["IpsecEnd", "tuple[TransformSet, ...]"](
    rule=rule(Severity.ERROR)("""
        ipsec-transforms-differ: The two ends have no transform in common
        The IKE SA comes up, and the child SA is refused with NO_PROPOSAL_CHOSEN (RFC 7296 §3.3): nothing is carried.
        bad: crypto ipsec transform-set TS esp-gcm 256
        fix: crypto ipsec transform-set TS esp-aes 256 esp-sha256-hmac
        """),
    cause=Cause.TRANSFORM,
    name="transform set",
    effect="they agree on no SAs",
    see=lambda end: end.sets,
    words=_algorithms,
    fits=_offer_one,
    place=lambda end: (end.opening, "set transform-set"),
    lines=_transform_lines,
)

# ---------------------------------------------------------------------------------------------------- mode


def _mode_lines(end: IpsecEnd, mode: str) -> tuple[str, ...]:
    return lines_of(replace(end.sets[0], transport=mode != _TUNNEL, require_transport=False))


def _stops_all(here: IpsecEnd, there: IpsecEnd) -> bool:
    """Return whether two modes are no SAs at all: the end in transport mode insists, or begins with IKEv1."""
    one = there if here.mode == _TUNNEL else here
    return one.mode == "transport require" or one.begins_with_v1


MODE: Final = Term["IpsecEnd", str](
    rule=rule(Severity.WARNING)(r"""
        ipsec-mode-differs: One end is in transport mode, the other in tunnel mode
        Transport mode is used if both want it (RFC 7296 §1.3.1); else it is tunnel mode with 20 octets more in each
        packet, or nothing at all with `mode transport require`. In IKEv1 the end in tunnel mode refuses transport mode:
        nothing comes up where the other end begins.
        bad: crypto ipsec transform-set TS esp-gcm 256\n mode tunnel
        fix: crypto ipsec transform-set TS esp-gcm 256\n mode transport
        """),
    cause=Cause.MODE,
    name="IPsec mode",
    effect="both use tunnel mode, and by IKEv1 nothing comes up where the end in transport mode begins",
    see=lambda end: end.mode,
    words=lambda mode: f"mode {mode}",
    fits=lambda here, there: Likeness.of((here == _TUNNEL) == (there == _TUNNEL)),
    place=lambda end: (lines_of(end.sets[0])[0],) if end.profile.transform_sets else (end.opening,),
    lines=_mode_lines,
    protects=lambda mode: mode != _TUNNEL,
    stops=_stops_all,
    waits=(TRANSFORMS,),
    other=_TUNNEL,
)

# ---------------------------------------------------------------------------------------------------- forward secrecy

PFS: Final = Term["IpsecEnd", int](
    rule=rule(Severity.ERROR)(r"""
        ipsec-pfs-differs: The two ends want different groups for perfect forward secrecy
        The first child SA is made with IKE's own exchange and comes up. Its successor needs an exchange of its own in a
        group that both have (RFC 7296 §1.3.1) and is refused: there is never any forward secrecy, and whenever a
        lifetime ends the tunnel begins again.
        bad: crypto ipsec profile P\n set pfs group19
        fix: crypto ipsec profile P\n set pfs group14
        """),
    cause=Cause.PFS,
    name="group of forward secrecy",
    effect="the first renewal of SAs is refused, and by IKEv1 all SAs are, unless only the end that begins has a group",
    see=lambda end: end.profile.pfs_group,
    words=lambda group: f"set pfs group{group}" if group else "no perfect forward secrecy",
    place=lambda end: (end.opening, "set pfs"),
    lines=lambda end, group: (end.opening, PFS_LINE.line(group=f"group{group}") if group else PFS_LINE.no()),
    protects=bool,
)
IPSEC: Final = Table(ipsec_end, (TRANSFORMS, MODE, PFS))
