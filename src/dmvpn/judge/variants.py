"""Variants of a scenario: the same network with one thing configured otherwise, made from its configurations.

static       no routing protocol over the tunnels: static routes to every LAN, by way of the hub
no-unique    `ip nhrp registration no-unique`: a spoke may return with another NBMA address at once
short        `ip nhrp holdtime 90`: entries expire and are renewed all the time
if-state     `if-state nhrp` on the tunnels of spokes: without a server the line protocol is down
protected    IKEv2 and IPsec under every tunnel; SAs that are replaced every few minutes
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.base.errors import UserError
from dmvpn.shells.lab_model import Lab, ReadySpec
from dmvpn.shells.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: Seconds.
SHORT_HOLDING_TIME = 90
#: Seconds that IKE SAs and pairs of ESP SAs live in the variant `protected`: a run of an hour sees many replaced.
IKE_SECONDS, ESP_SECONDS = 600, 300

_CRYPTO = f"""\
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

_TUNNEL = re.compile(r"^interface Tunnel\S+\n(?:(?![a-z]).*\n)*", re.MULTILINE)
_ROUTING = re.compile(r"^router eigrp .*\n(?:(?![a-z]).*\n)*", re.MULTILINE)


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
    spokes = [name for name in scenario.configurations if scenario.role(name) == "spoke"]
    overlay = [*hubs, *spokes]
    tunnels = {name: _TUNNEL.findall(scenario.configurations[name]) for name in overlay}
    if len(hubs) != 1 or not spokes or any(len(found) != 1 for found in tunnels.values()):
        return None
    if any(prefix.address.version == 6 for _, prefix in _lans(scenario)):
        return None
    addresses = {name: _address(found[0]) for name, found in tunnels.items()}
    if any(address is None for address in addresses.values()):
        return None
    texts = dict(scenario.configurations)
    for name in overlay:
        routes = [
            f"ip route {prefix.address} {prefix.netmask} {addresses[home if name == hubs[0] else hubs[0]]}"
            for home, prefix in _lans(scenario)
            if home != name and home in addresses
        ]
        text = _ROUTING.sub("", texts[name])
        texts[name] = text.replace("\nend\n", "\n" + "\n".join([*routes, "!", "end"]) + "\n")
    return _with(scenario, texts, wait_for_routes=False)


def _no_unique(scenario: Scenario) -> Scenario | None:
    return _in_tunnels(scenario, " ip nhrp registration no-unique\n", "ip nhrp nhs")


def _short(scenario: Scenario) -> Scenario | None:
    return _in_tunnels(scenario, f" ip nhrp holdtime {SHORT_HOLDING_TIME}\n", "ip nhrp network-id")


def _if_state(scenario: Scenario) -> Scenario | None:
    return _in_tunnels(scenario, " if-state nhrp\n", "ip nhrp nhs")


def _protected(scenario: Scenario) -> Scenario | None:
    texts = {}
    for name, text in scenario.configurations.items():
        blocks = _TUNNEL.findall(text)
        if "tunnel protection" in text:
            return None
        sources = [found[1] for block in blocks if (found := re.search(r"^ tunnel source (\S+)$", block, re.MULTILINE))]
        shared = " shared" if len(set(sources)) < len(sources) else ""
        line = f" tunnel protection ipsec profile DMVPN{shared}\n"
        texts[name] = text if not blocks else protect(text, _CRYPTO, line)
    return _with(scenario, texts) if texts != scenario.configurations else None


def protect(text: str, crypto: str, line: str) -> str:
    """Return a configuration with this before its first interface, and this line in each of its tunnels."""
    text = _TUNNEL.sub(lambda found: found[0].removesuffix("!\n") + line + "!\n", text)
    return re.sub(r"^(?=interface )", lambda _: crypto, text, count=1, flags=re.MULTILINE)


VARIANTS: dict[str, Callable[[Scenario], Scenario | None]] = {
    "static": _static,
    "no-unique": _no_unique,
    "short": _short,
    "if-state": _if_state,
    "protected": _protected,
}


def _in_tunnels(scenario: Scenario, line: str, where: str) -> Scenario | None:
    """Return a line more in each tunnel that has a line beginning with `where`, in place of another one of its kind."""
    words = line.rsplit(" ", 1)[0] if line.count(" ") > 3 else line.rstrip("\n")

    def insert(found: re.Match[str]) -> str:
        kept = [text for text in found[0].splitlines(keepends=True) if not text.startswith(words)]
        return "".join([kept[0], *kept[1:], line]) if where in found[0] else found[0]

    texts = {name: _TUNNEL.sub(insert, text) for name, text in scenario.configurations.items()}
    return _with(scenario, texts) if texts != scenario.configurations else None


def _with(scenario: Scenario, texts: dict[str, str], *, wait_for_routes: bool = True) -> Scenario:
    lab: Lab = scenario.lab
    if not wait_for_routes:
        lab = lab.model_copy(update={"ready": ReadySpec(either=lab.ready.either)})
    return Scenario(scenario.name, lab, texts)


def _address(block: str) -> str | None:
    found = re.search(r"^ ip address (\S+) \S+$", block, re.MULTILINE)
    return found[1] if found else None


def _lans(scenario: Scenario) -> list[tuple[str, Prefix]]:
    """Return the networks of the hosts, with the routers that they are behind."""
    return [
        (scenario.end(host.link)[0], Prefix.of(host.interface.ip, host.interface.network.prefixlen))
        for host in scenario.lab.hosts.values()
    ]
