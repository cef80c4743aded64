"""Rules about VRFs: front doors, and the tables of one router.

The front door of a tunnel is the VRF of its outer packets, of its source and of its IKE profile. Routes, keys and
routing processes may be in the wrong table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.findings import Cause, Severity, rule
from dmvpn.base.placeholder import SECRET
from dmvpn.base.ports import table_named
from dmvpn.features.ike.config import isakmp, profiles
from dmvpn.features.ike.model import PreSharedKey
from dmvpn.features.static.config import line_of
from dmvpn.features.static.model import StaticRoute
from dmvpn.features.tunnel.config import VRF
from dmvpn.ios.vrfs import DEFINITION
from dmvpn.network.device import Device
from dmvpn.network.overlay import Network, TunnelEnd
from dmvpn.tools.lint.found import NetworkConcern, found

# ------------------------------------------------------------------------------------------------ front doors


SOURCE: Final = rule(Severity.ERROR)(r"""
    tunnel-vrf-of-source: The source of a tunnel is in another VRF than its outer packets
    `tunnel vrf` names the table in which the far end is looked up; the address of the source must be in the same one.
    Otherwise replies come to a table in which nothing waits for them: the tunnel carries nothing.
    bad: interface Tunnel0\n tunnel source GigabitEthernet1
    fix: interface Tunnel0\n tunnel vrf INTERNET
    """)
PROFILE: Final = rule(Severity.ERROR, Cause.TABLE)(r"""
    ikev2-profile-other-vrf: The IKEv2 profile of a tunnel is for another VRF than its outer packets
    An IKEv2 profile applies to peers of the VRF that `match fvrf` names, and without that line to those of the global
    table. For a tunnel with another `tunnel vrf` there is then no profile: no IKE SA comes up.
    bad: crypto ikev2 profile P\n match identity remote address 0.0.0.0
    fix: crypto ikev2 profile P\n match fvrf INTERNET
    """)
FRONT_DOOR_RULES: Final = (SOURCE, PROFILE)


def check_front_doors(network: Network) -> Iterator[NetworkConcern]:
    """Yield tunnels whose source, or IKEv2 profile, is in another VRF."""
    for end in network.ends:
        if end.tunnel.front and end.tunnel.front not in end.device.vrfs.names:
            continue  # refused: the line of the tunnel is named
        if end.source_vrf != end.tunnel.front:
            yield _source(end)
        else:
            yield from _profile(end)


def _source(end: TunnelEnd) -> NetworkConcern:
    device, tunnel = end.device, end.tunnel
    vrf = end.source_vrf
    wanted = f"tunnel vrf {tunnel.front}" if tunnel.front else "no tunnel vrf"
    line = VRF.line(vrf=vrf) if vrf else VRF.no(vrf=tunnel.front)
    at = end.line("tunnel vrf") if tunnel.front else end.line("tunnel source")
    what = f"{end.source_port}, the source of {end.name}, is in {table_named(vrf)}, and the tunnel has {wanted}"
    return found(SOURCE, device, at, what, f"{end.at[0]}\n {line}")


def _profile(end: TunnelEnd) -> Iterator[NetworkConcern]:
    tunnel = end.tunnel
    used = next((one.ikev2_profile for one in end.device.ipsec.profiles if one.name == tunnel.protection), "")
    profile = next((one for one in end.device.ikev2.profiles if one.name == used), None)
    if profile is None or profile.fvrf in ("any", tunnel.front):
        return
    opening = profiles.PROFILE.line(name=profile.name)
    line = profiles.MATCH_FVRF.line(vrf=tunnel.front) if tunnel.front else profiles.MATCH_FVRF.no(vrf=profile.fvrf)
    has = f"match fvrf {profile.fvrf}" if profile.fvrf else "no match fvrf"
    needs = f"tunnel vrf {tunnel.front}" if tunnel.front else "no tunnel vrf"
    what = f"IKEv2 profile {profile.name} has {has}, and {end.name}, which uses it, has {needs}"
    at = (opening, "match fvrf") if profile.fvrf else (opening,)
    yield found(PROFILE, end.device, at, what, f"{opening}\n {line}", related=((end.device, end.at),))


# --------------------------------------------------------------------------------------------- the tables of one router


NO_ROUTE: Final = rule(Severity.ERROR)(r"""
    front-door-without-route: The VRF of a tunnel's outer packets has no route to the far ends
    Outer packets are looked up in the VRF that `tunnel vrf` names, and in no other table: without a route there the
    tunnel reaches no peer, whatever default route the global table has.
    bad: vrf definition INTERNET\n address-family ipv4\ninterface Tunnel0\n tunnel vrf INTERNET
    fix: vrf definition INTERNET\nip route vrf INTERNET 0.0.0.0 0.0.0.0 192.0.2.1
    """)
NEXT_HOP: Final = rule(Severity.WARNING)(r"""
    static-route-other-vrf: The next hop of a static route is on a wire of another VRF
    The next hop is looked up in the table of the route. Where only another table has its network, the route is not
    installed, or follows a default route into the tunnel that needs it.
    bad: vrf definition INTERNET\n address-family ipv4\ninterface GigabitEthernet1\n vrf forwarding INTERNET\n
    ip address 192.0.2.2 255.255.255.0\nip route 0.0.0.0 0.0.0.0 192.0.2.1
    fix: vrf definition INTERNET\nip route vrf INTERNET 0.0.0.0 0.0.0.0 192.0.2.1
    """)
KEYS: Final = rule(Severity.ERROR, Cause.TABLE)(r"""
    isakmp-keys-other-vrf: The keys of IKEv1 are for peers in another VRF than the tunnel's outer packets
    `crypto isakmp key` is for peers in the global table, and `crypto keyring NAME vrf F` for those in F. A tunnel with
    another `tunnel vrf` finds no key for its peers.
    bad: crypto isakmp key SECRET address 0.0.0.0\ninterface Tunnel0\n tunnel vrf INTERNET
    fix: crypto keyring INTERNET vrf INTERNET\n pre-shared-key address 0.0.0.0 0.0.0.0 key SECRET
    """)
PROCESS: Final = rule(Severity.WARNING)(r"""
    vrf-process-without-interface: A routing process is in a VRF that no interface is in
    A process of a VRF runs on interfaces in that VRF alone. Where the interfaces are in another one, perhaps with
    another spelling, it has no neighbors and advertises nothing.
    bad: vrf definition CORP\nvrf definition CORPORATE\ninterface Tunnel0\n
    vrf forwarding CORP\nrouter ospf 1 vrf CORPORATE
    fix: vrf definition CORP\nrouter ospf 1 vrf CORP
    """)
SHARED: Final = rule(Severity.ADVICE)(r"""
    vrfs-share-credentials: Tunnels of two VRFs have one IPsec profile, or one key for all peers
    IPsec does not see the tunnel key. A spoke of one customer that sets the tunnel key of another one is in the cloud
    of that customer, here as on IOS, where the tunnels of both have one source and profile, or one key for all peers.
    Each customer needs a source, an IPsec profile, and a key or identities.
    bad: vrf definition RED\nvrf definition BLUE\ninterface Tunnel1\n vrf forwarding RED\n
    tunnel protection ipsec profile P shared\ninterface Tunnel2\n vrf forwarding BLUE\n
    tunnel protection ipsec profile P shared
    fix: interface Tunnel2\n tunnel source Loopback2\n tunnel protection ipsec profile BLUE
    """)
RULES: Final = (NO_ROUTE, NEXT_HOP, KEYS, PROCESS, SHARED)

_ANY: Final = IPv4Address(0)
_KEY: Final = isakmp.KEYRING_KEY.line(address=_ANY, mask=_ANY, key=SECRET)


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield routes, keys and processes that are in another table than they work in."""
    for device in network.devices:
        if device.vrfs.names:
            yield from _next_hops(device)
            yield from _processes(device)
            yield from _shared([end for end in network.ends if end.device is device and _vrf(end)])
    for end in network.ends:
        front = end.tunnel.front
        if front in end.device.vrfs.names and end.source_vrf == front:
            yield from _no_route(network, end)
            yield from _keys(end)


def _tables(device: Device) -> tuple[str, ...]:
    return ("", *device.vrfs.names)


def _wires(device: Device, vrf: str) -> list[Prefix]:
    """Return the networks of the interfaces in a table."""
    return [Prefix.of(own, length) for it, own, length in device.addresses() if device.vrf_of(it.name) == vrf]


def _home(device: Device, vrf: str, route: StaticRoute, hop: IPAddress) -> str | None:
    """Return the only table with the network of a next hop; None: the route's own table, no table or several."""
    shorter = [
        one.prefix for one in device.static_of(vrf).ipv4 if one.prefix != route.prefix and not one.prefix.is_default
    ]
    if any(hop in prefix for prefix in (*_wires(device, vrf), *shorter)):
        return None
    homes = [other for other in _tables(device) if any(hop in prefix for prefix in _wires(device, other))]
    return homes[0] if len(homes) == 1 else None


def _next_hops(device: Device) -> Iterator[NetworkConcern]:
    for vrf in _tables(device):
        for route in device.static_of(vrf).ipv4:
            hop = route.next_hop
            home = _home(device, vrf, route, hop) if hop is not None and not route.interface else None
            if home is None or hop is None or route.is_leak:
                continue
            what = f"{hop}, the next hop to {route.prefix} in {table_named(vrf)}, is on a wire of {table_named(home)}"
            line = line_of(route, vrf)
            fix = [*(DEFINITION.line(name=name) for name in (vrf, home) if name), f"no {line}", line_of(route, home)]
            yield found(NEXT_HOP, device, (line,), what, "\n".join(fix))


def _no_route(network: Network, end: TunnelEnd) -> Iterator[NetworkConcern]:
    """Check that a front door has a way: a route, a protocol, an address from a provider, or the wire of the peer."""
    device, front = end.device, end.tunnel.front
    vrf = next(one for one in device.vrfs.vrfs if one.name == front)
    own = replace(device, vrf=front)
    speaks = own.eigrp.processes or own.ospf.processes or own.rip.enabled or own.bgp.local_as
    given = any(device.is_given_address(name) for name in device.interface_names if device.vrf_of(name) == front)
    if speaks or given or vrf.imports or not _wires(device, front) or device.static_of(front).ipv4:
        return
    others = ((vrf, one) for vrf in _tables(device) if vrf != front for one in device.static_of(vrf).ipv4)
    hops = ((vrf, one, one.next_hop) for vrf, one in others)
    if any(hop is not None and _home(device, vrf, one, hop) == front for vrf, one, hop in hops):
        return  # its route is in another table: a finding of its own
    far = [link.nbma for link in network.links_of(end)] or [end.tunnel.destination]
    far += [client.seen for client in network.clients(end)]
    if any(nbma is not None and any(nbma in wire for wire in _wires(device, front)) for nbma in far):
        return
    what = f"VRF {front}, in which {end.name} sends its outer packets, "
    what += f"has no route besides the wire of {end.source_port or 'its source'}"
    yield found(NO_ROUTE, device, end.line("tunnel vrf"), what)


def _keys(end: TunnelEnd) -> Iterator[NetworkConcern]:
    device, front = end.device, end.tunnel.front
    ipsec = next((one for one in device.ipsec.profiles if one.name == end.tunnel.protection), None)
    keys = device.ikev2.isakmp.keys
    if ipsec is None or ipsec.ikev2_profile or not keys or device.ikev2.profiles or device.ikev2.isakmp.signs:
        return
    if any(key.fvrf == front for key in keys):
        return
    where = " and ".join(dict.fromkeys(table_named(key.fvrf) for key in keys))
    what = f"{end.name} has tunnel vrf {front}, and all keys of IKEv1 are for peers in {where}"
    fix = f"{isakmp.KEYRING.line(name=f'FOR-{front}', vrf=front)}\n {_KEY}"
    yield found(KEYS, device, end.line("tunnel vrf"), what, fix)


def _vrf(end: TunnelEnd) -> str:
    return end.device.vrf_of(end.name)


def _shared(ends: list[TunnelEnd]) -> Iterator[NetworkConcern]:
    """Check that tunnels of different VRFs share nothing by which a peer proves itself. ends: of one router."""
    for place, end in enumerate(ends):
        for other in ends[:place]:
            shared = _common(other, end) if _vrf(other) != _vrf(end) else ""
            if shared:
                what = f"{other.name} in VRF {_vrf(other)} and {end.name} in VRF {_vrf(end)} have {shared}: a spoke of "
                what += f"VRF {_vrf(other)} that sets the tunnel key of {end.name} is in its cloud"
                at, related = end.line("tunnel protection"), ((end.device, other.line("tunnel protection")),)
                yield found(SHARED, end.device, at, what, related=related)
                break


def _common(one: TunnelEnd, other: TunnelEnd) -> str:
    if one.tunnel.protection and one.tunnel.protection == other.tunnel.protection:
        return f"one IPsec profile, {one.tunnel.protection}"
    general = _general_keys(one)
    return "one key for all peers" if any(key in general for key in _general_keys(other)) else ""


def _general_keys(end: TunnelEnd) -> list[PreSharedKey]:
    """Return the keys by which any address may prove itself to a tunnel."""
    ike = end.device.ikev2
    ipsec = next((one for one in end.device.ipsec.profiles if one.name == end.tunnel.protection), None)
    if ipsec is None:
        return []
    profile = next((one for one in ike.profiles if one.name == ipsec.ikev2_profile), None)
    if profile is None:
        keys = [(one.address, one.key) for one in ike.isakmp.keys if one.fvrf == end.tunnel.front]
    else:
        peers = (peer for keyring in ike.keyrings if keyring.name == profile.keyring for peer in keyring.peers)
        keys = [(peer.address, peer.remote_key) for peer in peers]
    return [key for address, key in keys if key is not None and address is not None and not int(address)]


def _processes(device: Device) -> Iterator[NetworkConcern]:
    used = {device.vrf_of(name) for name in device.interface_names}
    if not used - {""}:
        return  # an excerpt, or VRFs to come
    for vrf in device.vrfs.names:
        own = replace(device, vrf=vrf)
        if vrf in used:
            continue
        for process in own.ospf.processes:
            yield _process(device, (f"router ospf {process.number} vrf {vrf}",), "OSPF", vrf)
        for one in own.eigrp.processes:
            header = f"router eigrp {one.name}" if one.name else "router eigrp"
            yield _process(device, (header, f"address-family ipv4 unicast vrf {vrf}"), "EIGRP", vrf)
        if own.rip.enabled:
            yield _process(device, ("router rip", f"address-family ipv4 vrf {vrf}"), "RIP", vrf)


def _process(device: Device, at: tuple[str, ...], protocol: str, vrf: str) -> NetworkConcern:
    return found(PROCESS, device, at, f"{protocol} runs in VRF {vrf}, and no interface is in that VRF")
