"""Networks that are unusual and work: settings that an operator may have chosen, in clouds of every kind.

The doctor must not call any of them broken.

Odd            a network with the unusual lines of each router, and the wires that are bad on purpose
case_of        the network after it ran for some minutes
said_of        the doctor's diagnosis, with the lines tried in a copy, as `dmvpn doctor` does it
accusations    the findings that call something broken

Run `python -m support.odd` in the folder tests: it prints these findings. `--only NAME` takes one network;
`--seed 7 --count 50` draws networks.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.entropy import SeededEntropy, below
from dmvpn.labs.copied import tried
from dmvpn.labs.proofs.networks import FEW, Case, drawn, well_rows
from dmvpn.labs.proofs.verdicts import LATER
from dmvpn.network.lines import after
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.doctor.verdicts import in_words
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.troubles.plans import Plan, plan_of
from support.typed import read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.tools.doctor.verdicts import Diagnosis

_TUNNEL: Final = "interface Tunnel0"
_WAN, _LAN = "interface GigabitEthernet0/1", "interface GigabitEthernet0/2"

CLOUD: Final = Plan(
    phase=3,
    hubs=1,
    spokes=3,
    routing="eigrp",
    protection="",
    mtu=1400,
    key=7,
    authentication=True,
    server_lines=False,
    stubs=False,
)
STATIC: Final = replace(CLOUD, routing="static")
OSPF: Final = replace(CLOUD, routing="ospf")
IBGP: Final = replace(CLOUD, routing="ibgp")
RIP: Final = replace(CLOUD, routing="rip", phase=2)
SEALED: Final = replace(CLOUD, protection="ikev2")
OLD: Final = replace(CLOUD, protection="ikev1", server_lines=True)
TWO: Final = replace(CLOUD, hubs=2)
_PLANS: Final = {
    "CLOUD": CLOUD,
    "STATIC": STATIC,
    "OSPF": OSPF,
    "IBGP": IBGP,
    "RIP": RIP,
    "SEALED": SEALED,
    "OLD": OLD,
    "TWO": TWO,
}


@dataclass(frozen=True, slots=True)
class Odd:
    """network: the plan of one, or the name of a built-in scenario. lines: by router. wires: by link."""

    network: Plan | str
    lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    wires: Mapping[str, Badness] = field(default_factory=dict)

    @property
    def scenario(self) -> Scenario:
        """The network with these lines from the beginning."""
        given = Scenario.load(self.network) if isinstance(self.network, str) else drawn(self.network)
        texts = dict(given.configurations)
        for name, lines in self.lines.items():
            texts[name] = after(texts[name], lines)
        return Scenario(given.name, given.lab, texts, given.certificates)


def case_of(odd: Odd) -> Case:
    """Return the network some minutes after it came up and all LANs exchanged packets."""
    case = Case(odd.scenario, 1)
    for link, badness in odd.wires.items():
        case.bench.impair(link, badness)
    well_rows(case)
    case.wait(LATER)
    case.rows()
    return case


def said_of(odd: Odd) -> Diagnosis:
    """Return the diagnosis of the network, with its lines tried in a copy."""
    case = case_of(odd)
    made = tried(visit(case.examined), case.as_it_runs(), case.examined.facts(), lambda text: None)
    return in_words(made.diagnosis)


def accusations(diagnosis: Diagnosis) -> list[str]:
    """Return the findings that call something broken for certain, or make the exit code 1."""
    return [
        f"{one.cause.value}, {one.router}: {one.what} {list(one.fix)} {one.decide}"
        for one in diagnosis.findings
        if not one.advice and (one.certain or not one.mild)
    ]


_SMALL: Final = (_TUNNEL, "ip mtu 1300", "ip tcp adjust-mss 1260")

#: What is unusual, and the network.
ODD: Final = {
    what: Odd(
        replace(_PLANS[one.network], **one.settings) if one.network in _PLANS else one.network,
        one.lines,
        {link: Badness(**values) for link, values in one.wires.items()},
    )
    for what, one in read("odd").items()
}


# ------------------------------------------------------------------------------------------------ drawn


def odd_of(name: str, most: int = FEW) -> tuple[str, Odd]:
    """Return a network of a draw, with one oddity at one place: what it is called, and it."""
    entropy = SeededEntropy(f"{name}/odd")
    plan = plan_of(entropy, most)
    kinds = [*_KINDS, *(_OF_TWO_HUBS if plan.hubs > 1 else {})]
    kind = kinds[below(entropy, len(kinds))]
    spoke = f"S{1 + below(entropy, plan.spokes)}"
    if kind in _OF_TWO_HUBS:
        lines = _without_server(plan, 1 + below(entropy, plan.hubs)) if kind == _SINGLE else _KINDS["shut tunnel"]
        where = spoke if kind == _SINGLE else f"HUB{plan.hubs}"
        return f"{plan.title}: {kind}, {where}", Odd(plan, {where: lines})
    return f"{plan.title}: {kind}, {spoke}", Odd(plan, {spoke: _KINDS[kind]})


def _without_server(plan: Plan, hub: int) -> tuple[str, ...]:
    """Return the lines that take a server away, all of them."""
    tunnel, nbma = f"10.99.0.{hub}", f"203.0.113.{4 * hub + 1}"
    if not plan.server_lines:
        return (_TUNNEL, f"no ip nhrp nhs {tunnel} nbma {nbma} multicast")
    return (
        _TUNNEL,
        f"no ip nhrp nhs {tunnel}",
        f"no ip nhrp map multicast {nbma}",
        f"no ip nhrp map {tunnel} {nbma}",
    )


_SINGLE: Final = "a server less"
_OF_TWO_HUBS: Final = (_SINGLE, "a spare hub that is shut")
#: What may be so at any spoke of any cloud.
_KINDS: Final[dict[str, tuple[str, ...]]] = {
    "a smaller tunnel": _SMALL,
    "a slightly smaller tunnel": (_TUNNEL, "ip mtu 1340"),
    "shut tunnel": (_TUNNEL, "shutdown"),
    "shut port": (_WAN, "shutdown"),
    "shut LAN": (_LAN, "shutdown"),
    "all shut": (_TUNNEL, "shutdown", _LAN, "shutdown", _WAN, "shutdown"),
    "registrations of another pace": (_TUNNEL, "ip nhrp holdtime 900", "ip nhrp registration timeout 60"),
    "a server that is not there yet": (_TUNNEL, "ip nhrp nhs 10.99.0.200 nbma 203.0.113.200 multicast"),
    "a floating default route to nobody": ("ip route 0.0.0.0 0.0.0.0 10.99.0.200 250",),
    "a route for what nobody has": ("ip route 10.77.0.0 255.255.0.0 10.99.0.1",),
    "a multipoint tunnel without NHRP": (
        "interface Tunnel9",
        "ip address 10.98.0.11 255.255.255.0",
        "tunnel source GigabitEthernet0/1",
        "tunnel mode gre multipoint",
        "tunnel key 9999",
    ),
    "a spare network": ("interface GigabitEthernet0/3", "ip address 192.168.77.1 255.255.255.0", "no shutdown"),
    "another TTL": (_TUNNEL, "tunnel ttl 32"),
    "a lower clamp": (_TUNNEL, "ip tcp adjust-mss 1100"),
    "a port of PPPoE": (_WAN, "ip mtu 1492"),
}


def main() -> None:
    """Print what the doctor calls broken."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--seed", default="")
    parser.add_argument("--count", type=int, default=20)
    arguments = parser.parse_args()
    names = arguments.only or list(ODD)
    if arguments.seed:
        names = [f"{arguments.seed}/{number}" for number in range(arguments.count)]
    accused = 0
    for number, given in enumerate(names):
        name, odd = odd_of(given) if arguments.seed else (given, ODD[given])
        name = f"{number}: {name}" if arguments.seed else name
        found = accusations(said_of(odd))
        accused += bool(found)
        print(*(f"{name}: {one}" for one in found), sep="\n" if found else "", end="\n" if found else "", flush=True)
    print(f"{accused} of {len(names)} accused")


if __name__ == "__main__":
    main()
