"""The doctor's proof: every trouble of the catalog in every network that it fits, what the doctor says, and the page.

Run `python -m support.doctors` in the folder tests to make `docs/reference/doctor.md` again: some minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from dmvpn.labs.proofs import case as proofs
from dmvpn.router.passing import barrier
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.doctor import Diagnosis, visit
from dmvpn.tools.troubles import TROUBLES
from dmvpn.tools.troubles.model import Role
from dmvpn.tools.troubles.orders import carry_out, fits, orders_for
from dmvpn.tools.troubles.protection import ISAKMP, PROTECTION
from dmvpn.tools.troubles.routing import PREFIXES, PROTOCOLS_TROUBLES
from dmvpn.tools.troubles.spoke_pairs import SPOKE_PAIRS
from dmvpn.tools.troubles.stage import Stage
from dmvpn.tools.troubles.underlay import WIRES
from support.bench import WorldBench
from support.conformance import ROOT
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Address, IPv6Address

    from dmvpn.base.barriers import Barrier, Gap
    from dmvpn.base.causes import Cause
    from dmvpn.shells.facts import LabFacts
    from dmvpn.tools.doctor import Finding
    from dmvpn.tools.troubles.model import Trouble

PAGE = ROOT / "docs" / "reference" / "doctor.md"
#: Phase 3 in IKEv1, where faults of protection alone are tried.
IN_IKEV1 = "isakmp-phase3"
#: Phase 1, phase 3, phase 3 with IPsec, two hubs, spokes behind translators, IKEv1.
NETWORKS = ("notes-phase1", "notes-phase3", "intro-phase3", "dual-hub", "ipsec-both-behind-nat", IN_IKEV1)
#: Virtual seconds until timers have acted.
LATER = 180.0
#: A tunnel that comes and goes; a hub among two; SAs that come and go.
_ALWAYS = (
    ("recursion", "notes-phase3"),
    ("recursion", "dual-hub"),
    ("nhs-nbma", "dual-hub"),
    ("address-conflict", "ipsec-both-behind-nat"),
)
#: What the proof asks for: of at least so many faults so many named first, and among the first so many from one end.
FAULTS, NAMED, SUSPECTED, AMONG = 40, 38, 32, 3

#: What the page is about; what came since is measured by `support.diagnoses`.
_PROVED = [known for known in TROUBLES if known not in (*WIRES, *SPOKE_PAIRS, *PREFIXES, *PROTOCOLS_TROUBLES)]
_STAGES = {name: Stage.of(Scenario.load(name)) for name in NETWORKS}


class WorldPatient:
    """A simulated world as the doctor's patient. blind: the lab keeps to itself what was done to its wires."""

    def __init__(self, world: World, *, blind: bool = True) -> None:
        self.world = world
        self.blind = blind

    def facts(self) -> LabFacts:
        """Return how it is now."""
        facts = self.world.sim.facts(self.world.scenario)
        if not self.blind:
            return facts
        links = tuple(link.model_copy(update={"cut": False, "bad": ()}) for link in facts.links)
        return facts.model_copy(update={"links": links})

    def ask(self, questions: Sequence[tuple[str, str]]) -> list[str]:
        """Return what commands print."""
        return WorldBench(self.world).ask(questions)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.world.run_for(seconds)

    def why(self, gap: Gap) -> Barrier | None:
        """Return why a route does not pass from a router to its neighbor."""
        routers = self.world.sim.routers
        return barrier(routers[gap.sender.router].router, routers[gap.receiver.router].router, gap)


def as_it_runs(world: World) -> Scenario:
    """Return the network with what its routers run; what a dead one would start with."""
    return proofs.as_it_runs(world.scenario, world.sim)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the doctor says of one trouble in one network.

    router: of the first finding, "" if there is none.
    rank: among the hypotheses of the spoke, 0: it is not one. advice: nobody feels it, and it is said all the same.
    """

    network: str
    trouble: Trouble
    cause: Cause | None
    router: str
    rank: int
    advice: bool = False

    @property
    def named(self) -> bool:
        """The first finding is the cause, at a router where it can be fixed."""
        places = [_STAGES[self.network].parts[part] for part in self.trouble.parts]
        return self.cause in self.trouble.causes and self.router in places

    @property
    def suspected(self) -> bool:
        """From the one end it is among the first."""
        return 0 < self.rank <= AMONG

    @property
    def row(self) -> str:
        """A row of the page."""
        found = f"{self.cause.value}, {self.router}" if self.cause is not None else "nothing"
        verdict = (", as advice" if self.advice else "") if self.named else " **(missed)**"
        rank = str(self.rank or "not named") + ("" if self.suspected else " **(missed)**")
        return f"| `{self.trouble.id}` | {self.network} | {found}{verdict} | {rank} |"


def cases() -> list[tuple[Trouble, str]]:
    """Return every trouble with every network of the proof that it fits."""
    return [(known, name) for known in _PROVED for name in _fitting(known)]


def _fitting(known: Trouble) -> list[str]:
    """Return the networks of the proof in which a trouble is tried."""
    is_of_ike = known in (*PROTECTION, *ISAKMP)
    return [name for name in NETWORKS if (is_of_ike or name != IN_IKEV1) and fits(known, _STAGES[name])]


def one_each() -> list[tuple[Trouble, str]]:
    """Every trouble in one network, so that all networks have their turn; and those that differ between networks."""
    given = [(known, name) for known in _PROVED for one, name in _ALWAYS if known.id == one]
    for number, known in enumerate(_PROVED):
        fitting = _fitting(known)
        turn = (known, fitting[number % len(fitting)]) if fitting else None
        if turn is not None and turn not in given:
            given.append(turn)
    return given


def broken(known: Trouble, network: str) -> WorldPatient:
    """A network some minutes after it was broken."""
    world = World(network).converge()
    world.run_for(20)
    carry_out(WorldBench(world), orders_for(known, _STAGES[network]))
    world.run_for(LATER)
    return WorldPatient(world)


def outcome(known: Trouble, network: str) -> Outcome:
    """Break it, ask the doctor with the whole lab in view, then again from the spoke alone."""
    patient = broken(known, network)
    first = next(iter(visit(patient).findings), None)
    spoke, goal = complaint(network)
    causes = [one.cause for one in visit(patient, spoke, goal, one_end=True).hypotheses]
    rank = next((place for place, cause in enumerate(causes, 1) if cause in known.causes), 0)
    if first is None:
        return Outcome(network, known, None, "", rank)
    return Outcome(network, known, first.cause, first.router, rank, advice=first.advice)


def complaint(network: str) -> tuple[str, IPv4Address | IPv6Address]:
    """The router at which somebody complains, and the destination of the packets: a computer at the other spoke."""
    stage = _STAGES[network]
    return stage.parts[Role.SPOKE], ip_address(stage.actor(Role.OTHER).host)


def healthy(network: str) -> list[tuple[str, Diagnosis]]:
    """Return what the doctor says of a network that is well: of the whole, and from each end."""
    world = World(network).converge()
    world.run_for(30)
    patient = WorldPatient(world)
    stage = _STAGES[network]
    ends = [(name, visit(patient, name, one_end=True)) for name in (*stage.hubs, *stage.spokes)]
    return [("the whole", visit(patient)), *ends]


#: Around the part that `support.proof_page` writes.
PROOF = ("<!-- proof: begin -->", "<!-- proof: end -->")
HEAD = """\
# What the doctor finds

How `dmvpn doctor` is asked: [find out why](../how-to/find-out-why.md). Here is what it checks of the machine and of
routing, and every fault that it was tried with.

## What it checks of the machine

With real packets a router's routes, neighbors, addresses and rules are entries of a kernel that others may change,
too. The doctor compares the kernel's tables with what the router ordered. What is missing, or has another's in its
place, is named (*kernel tables changed by others*), though the router puts it back: found by the doctor it was taken a
moment ago, or [is fought about](../how-to/linux-router.md#beside-other-programs). It also asks the kernel which way
packets take: somebody else's route with a lower metric or a longer prefix, or a policy rule, is named if it leads
packets to another site elsewhere, and else said as advice. Routes with the router's mark, protocol 54, that it did not
order are said as advice.

The doctor's pings begin at routers, so they never pass the chain of the host's packet filter that packets of hosts
pass. It asks nf_tables for base chains at hook forward with policy drop (`iptables -P FORWARD DROP` makes one, and so
does Docker). One without any rule lets nothing pass, and is named (*packet filter of the host*) where the router is to
pass anything on; of one with rules it says as advice that a ping from a host decides. The rules themselves, chains at
other hooks and those of iptables-legacy are not read: a rule that drops what a host sends is missed.

## What routing it checks

- **EIGRP**: that it runs on the tunnels of both ends, in one autonomous system, with the same K-values, authentication
  and sound timers, not passive; that they are neighbors.
- **RIP**: that it runs on the tunnels of both ends, not passive; that they hear each other.
- **OSPF**: that it runs on the tunnels of both ends, not passive, on the same terms (area, times, authentication, type
  of network); that somebody may become designated router.
- **BGP**: that both ends have lines for each other that fit (systems, passwords, nothing shut down), and a session.
- **Missing routes**: where a router lacks the network of a LAN, the first router on the way from there that lacks it,
  and why the route does not pass from its neighbor: the rules by which the two advertise and accept routes are asked
  in a copy of the network. `dmvpn explain` knows
  [each reason](words/rib.md#reasons-of-routes-that-do-not-pass-show-ip-route).
- **Static routes**: into nothing, to nobody, or past the tunnel. One to Null0 with a distance of 250 or more is a last
  resort, and well.
- **VRFs**: all of this in the table that a tunnel is in. That the port and the tunnel's outer packets are in one
  table, the LAN and the tunnel in another; that the front doors of both ends have routes, and the default route is
  not in another table; that `match fvrf`, and keys of IKEv1, are for the front door; that the routing process and
  static routes are in the VRF of the tunnel; that each customer's tunnel has the key that all other routers have for
  that VRF.
- **Access lists**: what the network needs at each port with a list or with `ip verify unicast source`
  ([below](#what-it-knows-of-access-lists)).
- **All else**: packets between hosts are walked along the routes that there are. Where they end, the doctor names the
  router that has none, and no line to enter. Then it [searches by
  trial](../how-to/try-remedies.md#what-no-rule-explains) in copies of the network.

## What it knows of VRFs

LANs are expected to reach each other if they are of one customer: VRFs of one name, or, where no other router has
that name, VRFs whose tunnels are in one cloud (the same network and key). `python -m support.oracle --only vrfs` puts
each of 27 mechanisms of VRFs into a network that it fits: front doors with IKEv1, IKEv2 and without IPsec, inside VRFs
with each routing protocol, sites with different names for one VRF, and the scenarios `front-door` and
`two-customers`. Each is named first, and the lines of the findings, entered as they are, make every pair of LANs what
it was; a key is left to the reader. What cannot be found:

- two LANs of customers with equal addresses that changed places: every table is complete, and only the stations
  differ;
- a leak from VRF to VRF that lacks its way back: LANs of different customers need not reach each other. `dmvpn walk`
  and `ping vrf` show where the packets end;
- a site whose VRF has a name of its own, and whose tunnel has the key or network of another customer: nothing says
  whose it is.

## What it knows of access lists

The doctor makes the packets that a network needs and shows them to the lists of all ports that they pass: GRE, ESP and
IKE of each tunnel, the routing protocol's packets on it, and ICMP, UDP, TCP, fragments and the services that any list
names between hosts, with their answers. So it names the router, the port, the side, the list and the entry, whether a
packet was sent or not. What tunnels and routing protocols need must pass. That a list drops what hosts send counts as
a mistake only if something says so:

- the list permits nothing at all, or a later entry permits the packet and is never reached;
- what begins a conversation passes, and its answer does not;
- no packet of the network fits an entry that would permit it with its mask inverted, its ports or ends swapped, or
  UDP for TCP;
- the lists of most other routers, at ports of the same kind, permit such packets.

A list that lets nothing pass between two sites, without one of these, is a question. A list that keeps some
services out is no finding. A port with a list that does not exist is named, since it filters nothing.

The lines correct one thing: an entry's mask, network, protocol, ports or place, the side or port of a list, a member of
an object group; or they add an entry. Of all lines that let the packets pass, the doctor proposes those after which
fewest others pass, those of strangers included. It takes a list from its side of a port only if another router has none
at that side of such a port, or if nothing else helps. `ip verify unicast source` keeps as much of its check as it can.
`python -m support.oracle --only lists` puts each of 35 mechanisms into a network that it fits. Each is named first,
the lines of the findings make every pair of LANs what it was, TCP and ICMP included, and nothing passes that did not
pass before. What cannot be found:

- an entry that is as wrong at all other routers: nothing says that it is;
- one service that a list forgot, if no other list names it;
- what lists of IPv6 do: there are none.

"""
CATALOG = """\
## What it was tried with

Every fault of the catalog (`dmvpn lab break --list`) is put into every one of five networks that it fits, in the
simulator, some minutes before `dmvpn doctor` looks, and those of IPsec into a network in IKEv1. What the lab knows of
its own wires is hidden from it. *Found* is its first finding with the whole lab in view, and the router whose lines it
wants changed, *as advice* where no packet of any site meets the fault. *From one end* is the place of the cause among
the hypotheses of the spoke whose user complains (`dmvpn doctor SPOKE ADDRESS --one-end`).

The table is made by `python -m support.doctors` in the folder `tests`, and a test fails when it is old.
"""


def page(outcomes: list[Outcome]) -> str:
    """Return the whole page. What `support.proof_page` wrote stays."""
    text = PAGE.read_text()
    proof = text[text.index(PROOF[0]) : text.index(PROOF[1])] + PROOF[1]
    return "\n".join([HEAD, proof, "", CATALOG, *summary(outcomes), *(one.row for one in outcomes), ""])


def summary(outcomes: list[Outcome]) -> list[str]:
    """Numbers, and the head of the table. A fault counts if it is found in each network that it fits."""
    by_id: dict[str, list[Outcome]] = {}
    for one in outcomes:
        by_id.setdefault(one.trouble.id, []).append(one)
    named = sum(all(one.named for one in found) for found in by_id.values())
    suspected = sum(all(one.suspected for one in found) for found in by_id.values())
    return [
        f"Of {len(by_id)} faults, in {len(outcomes)} cases:",
        "",
        f"- {named} are found first in every network, with the whole lab in view;",
        f"- {suspected} are among the first {AMONG} hypotheses in every network, from one end.",
        "",
        "| fault | network | found | from one end |",
        "| --- | --- | --- | --- |",
    ]


def no_advice(world: World) -> list[Finding]:
    """Return what the doctor finds broken, with the whole lab in view."""
    return [one for one in visit(WorldPatient(world)).findings if not one.advice]


def main() -> None:
    """Write the page."""
    outcomes = [outcome(*case) for case in cases()]
    PAGE.write_text(page(outcomes))
    print("\n".join(summary(outcomes)[:4]))


if __name__ == "__main__":
    main()
