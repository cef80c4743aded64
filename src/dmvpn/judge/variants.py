"""Variants of a scenario: the same network with one thing configured otherwise, made from its configurations.

The lines of NHRP are those of each version of IP that a tunnel has.

static       no routing protocol over the tunnels: static routes to every LAN, by way of the hub
no-unique    `ip nhrp registration no-unique`: a spoke may return with another NBMA address at once; it registers as
             often as without a line
short        `ip nhrp holdtime 90`: entries expire and are renewed all the time
if-state     `if-state nhrp` on the tunnels of spokes: without a server the line protocol is down
protected    IKEv2 and IPsec under every tunnel; SAs that are replaced every few minutes
protected-v1 the same in IKEv1, by `crypto isakmp` lines with a wildcard key
filtered     access lists that are drawn (`drawn_lists`) on LANs, tunnels and ports to the provider; LANs verify senders
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from dmvpn.base.addresses import Prefix
from dmvpn.base.errors import UserError
from dmvpn.features.nhrp.model import TunnelConfig
from dmvpn.judge.drawn_lists import NetworkLists
from dmvpn.network.device import Device
from dmvpn.network.lines import after
from dmvpn.shells.lab_model import Lab, ReadySpec
from dmvpn.shells.scenario import Scenario

#: Seconds.
SHORT_HOLDING_TIME = 90
#: Seconds that IKE SAs and pairs of ESP SAs live in the variants `protected` and `protected-v1`: a run of an hour sees
#: many replaced.
IKE_SECONDS, ESP_SECONDS = 600, 300

_IKEV2 = f"""\
crypto ikev2 keyring DMVPN
 peer ANY
  address 0.0.0.0 0.0.0.0
  pre-shared-key local Demo-Key-1
  pre-shared-key remote Demo-Key-1
 !
!
crypto ikev2 profile DMVPN
 match identity remote address 0.0.0.0
 authentication local pre-share
 authentication remote pre-share
 keyring local DMVPN
 lifetime {IKE_SECONDS}
!
crypto ipsec transform-set DMVPN esp-gcm 256
 mode transport
!
crypto ipsec profile DMVPN
 set security-association lifetime seconds {ESP_SECONDS}
 set transform-set DMVPN
 set ikev2-profile DMVPN
!
"""

_IKEV1 = f"""\
crypto isakmp policy 10
 encryption aes 256
 hash sha256
 authentication pre-share
 group 14
 lifetime {IKE_SECONDS}
!
crypto isakmp key Demo-Key-1 address 0.0.0.0
!
crypto ipsec transform-set DMVPN esp-aes 256 esp-sha256-hmac
 mode transport
!
crypto ipsec profile DMVPN
 set security-association lifetime seconds {ESP_SECONDS}
 set transform-set DMVPN
!
"""


def vary(scenario: Scenario, names: Iterable[str]) -> Scenario:
    """Return the scenario with these variants applied, one after another.

    Raises UserError if one does not exist or fit.
    """
    for name in names:
        if name not in VARIANTS:
            raise UserError(f"no variant {name!r}; there are {', '.join(VARIANTS)}")
        changed = VARIANTS[name](scenario)
        if changed is None:
            raise UserError(f"{scenario.name} has no variant {name!r}: it does not fit this network")
        scenario = changed
    return scenario


def fitting(scenario: Scenario) -> tuple[str, ...]:
    """Return the variants that the scenario can have."""
    return tuple(name for name, change in VARIANTS.items() if change(scenario) is not None)


def _static(scenario: Scenario) -> Scenario | None:
    """Return one hub, one tunnel each: every LAN is reached by the tunnel address of its router, or of the hub."""
    hubs = [name for name in scenario.configurations if scenario.role(name) == "hub"]
    devices = {one.name: one for one in _devices(scenario) if scenario.role(one.name) in ("hub", "spoke")}
    if len(hubs) != 1 or len(devices) == 1 or any(len(one.tunnels.tunnels) != 1 for one in devices.values()):
        return None
    if any(prefix.address.version == 6 for _, prefix in _lans(scenario)):
        return None
    ends = {name: one.ports.get(one.tunnels.tunnels[0].name) for name, one in devices.items()}
    addresses = {name: end.ip for name, end in ends.items() if end is not None}
    if addresses.keys() != devices.keys():
        return None
    texts = dict(scenario.configurations)
    for name, device in devices.items():
        routes = [
            f"ip route {prefix.address} {prefix.netmask} {addresses[home if name == hubs[0] else hubs[0]]}"
            for home, prefix in _lans(scenario)
            if home != name and home in addresses
        ]
        protocols = [f"no router eigrp {one.name or one.autonomous_system}" for one in device.eigrp.processes]
        texts[name] = after(texts[name], [*protocols, *routes])
    return _with(scenario, texts, wait_for_routes=False)


def _protected(scenario: Scenario, crypto: str = _IKEV2) -> Scenario | None:
    """Return the scenario with these lines on each router that has a tunnel, and each tunnel protected."""
    texts = dict(scenario.configurations)
    for device in _devices(scenario):
        tunnels = device.tunnels.tunnels
        if any(tunnel.protection for tunnel in tunnels):
            return None
        sources = [tunnel.source_interface for tunnel in tunnels if tunnel.source_interface]
        shared = " shared" if len(set(sources)) < len(sources) else ""
        line = f"tunnel protection ipsec profile DMVPN{shared}"
        if tunnels:
            lines = [each for tunnel in tunnels for each in (f"interface {tunnel.name}", line)]
            texts[device.name] = after(device.text, [*crypto.splitlines(), *lines])
    return _with(scenario, texts) if texts != scenario.configurations else None


def _filtered(scenario: Scenario) -> Scenario | None:
    """Return the scenario with drawn lists, if each host has an address of its own, and no router but its own near."""
    hosts = list(scenario.lab.hosts.values())
    addresses = [host.interface.ip for host in hosts]
    if len(set(addresses)) < len(addresses) or any(address.version == 6 for address in addresses):
        return None
    devices = _devices(scenario)
    if any("access-group" in text for text in scenario.configurations.values()) or not _are_apart(scenario):
        return None
    lists = NetworkLists.of(scenario)
    texts = dict(scenario.configurations)
    for device in devices:
        lines = tuple(lists.lines(scenario, device))
        texts[device.name] = after(device.text, lines) if lines else device.text
    return _with(scenario, texts)


def _are_apart(scenario: Scenario) -> bool:
    """Return whether no wire with hosts joins two routers: their protocols would be subject to the lists of hosts."""
    ports = dict.fromkeys(scenario.end(host.link) for host in scenario.lab.hosts.values())
    routers = scenario.configurations
    return all(
        sum(name in routers for name, _ in ends) < 2
        for ends, _ in scenario.segments()
        if any(end in ports for end in ends)
    )


VARIANTS: dict[str, Callable[[Scenario], Scenario | None]] = {
    "static": _static,
    "no-unique": lambda scenario: _in_tunnels(
        scenario,
        ("no ip nhrp registration timeout", "ip nhrp registration no-unique"),
        lambda tunnel: bool(tunnel.nhs),
    ),
    "short": lambda scenario: _in_tunnels(
        scenario, (f"ip nhrp holdtime {SHORT_HOLDING_TIME}",), lambda tunnel: tunnel.network_id is not None
    ),
    "if-state": lambda scenario: _in_tunnels(scenario, ("if-state nhrp",), lambda tunnel: bool(tunnel.nhs)),
    "protected": _protected,
    "protected-v1": lambda scenario: _protected(scenario, _IKEV1),
    "filtered": _filtered,
}


def _in_tunnels(scenario: Scenario, lines: Sequence[str], which: Callable[[TunnelConfig], bool]) -> Scenario | None:
    """Return the scenario with these lines of IPv4 typed in each tunnel whose NHRP is such, or those of IPv6."""
    texts = dict(scenario.configurations)
    for device in _devices(scenario):
        typed = [
            each if tunnel.version == 4 else each.replace("ip nhrp", "ipv6 nhrp")
            for tunnel in device.nhrp.tunnels
            if which(tunnel)
            for each in (f"interface {tunnel.name}", *lines)
        ]
        if typed:
            texts[device.name] = after(device.text, typed)
    return _with(scenario, texts) if texts != scenario.configurations else None


def _devices(scenario: Scenario) -> list[Device]:
    return [Device.read(name, text) for name, text in scenario.configurations.items()]


def _with(scenario: Scenario, texts: dict[str, str], *, wait_for_routes: bool = True) -> Scenario:
    lab: Lab = scenario.lab
    if not wait_for_routes:
        lab = lab.model_copy(update={"ready": ReadySpec(either=lab.ready.either)})
    return Scenario(scenario.name, lab, texts)


def _lans(scenario: Scenario) -> list[tuple[str, Prefix]]:
    """Return the networks of the hosts, with the routers that they are behind."""
    return [
        (scenario.end(host.link)[0], Prefix.of(host.interface.ip, host.interface.network.prefixlen))
        for host in scenario.lab.hosts.values()
    ]
