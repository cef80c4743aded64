"""The verdict on lint in one network: what it says of configurations, and what becomes of users who get them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from dmvpn.base.entropy import SeededEntropy, below
from dmvpn.base.findings import LintFinding, Severity
from dmvpn.base.values import Value
from dmvpn.labs.proofs.networks import HARMLESS, MANY, Case, Harm, latent, network_of, title, well_rows, with_harmless
from dmvpn.labs.proofs.verdicts import line_fault_of, near_of, orders_in_words
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.diff.measuring import worse
from dmvpn.tools.lint import lint, sites_of
from dmvpn.tools.troubles.faults import Fault
from dmvpn.tools.troubles.orders import Type, configurations_with
from dmvpn.tools.troubles.stage import Stage

#: Mechanisms that lint must find wherever they harm: a rule is about each of them.
CLAIMED: Final = frozenset(
    {
        "address-conflict",
        "bgp-as",
        "bgp-neighbor-missing",
        "bgp-neighbor-shutdown",
        "bgp-password",
        "eigrp-as",
        "eigrp-authentication",
        "eigrp-timers",
        "eigrp-weights",
        "fragments-blocked",
        "hub-key-missing",
        "hub-multicast",
        "hub-network-id-missing",
        "hub-point-to-point",
        "hub-stub",
        "hub-tunnel-not-announced",
        "hub-tunnel-shutdown",
        "hub-unprotected",
        "hub-wan-shutdown",
        "ike-identity",
        "ike-proposal",
        "isakmp-hash",
        "isakmp-key",
        "isakmp-key-missing",
        "isakmp-policy",
        "keys-of-the-hub-alone",
        "lan-not-announced",
        "lan-overlap",
        "lan-shadowed",
        "map-of-a-lan",
        "map-to-nobody",
        "mode",
        "mss",
        "network-id-missing",
        "next-hop-self",
        "nhrp-authentication",
        "nhs-address",
        "nhs-missing",
        "nhs-nbma",
        "ospf-authentication",
        "passive-interface",
        "peer-map",
        "pfs",
        "psk",
        "psk-missing",
        "redirect-missing",
        "server-is-self",
        "shortcut-missing",
        "small-tunnel",
        "spoke-multicast",
        "spoke-unprotected",
        "transform",
        "tunnel-key",
        "tunnel-not-announced",
        "tunnel-shutdown",
        "tunnel-ttl",
        "wan-shutdown",
    }
)


class Linted(Value, kw_only=True):
    """A case and its verdict. found: what the fault brings; of a well network, the errors.

    named: whether one of them points at a line of a router that the fault changed. accused: an error where no user is
    harmed, and no registration, neighbor or route is missing.
    """

    name: str
    network: str
    what: str
    harm: Harm
    mechanism: str = ""
    bad: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    named: bool = False
    accused: bool = False

    def plain(self) -> dict[str, object]:
        """Return the verdict as a JSON object."""
        return asdict(self) | {"harm": self.harm.value}

    @property
    def missed(self) -> bool:
        """Whether lint was wrong: not every fault is in the lines, but some mechanisms always are."""
        return self.accused or (self.harm is Harm.NOW and self.mechanism in CLAIMED and not self.named)

    def __str__(self) -> str:
        verdict = (
            "accused" if self.accused else "found" if self.named else "found elsewhere" if self.found else "silent"
        )
        said = "; ".join(self.found[:3]) or "no finding"
        return f"{self.name} [{self.harm.value}] {self.network}: {self.what}: {verdict}: {said}"


def lint_broken(name: str, most: int = MANY) -> Linted:
    """Return the verdict on a draw whose fault is in lines alone. Raises UserError and LeakError."""
    scenario = network_of(name, most)
    return linted(name, scenario, line_fault_of(name, Stage.of(scenario)))


def linted(name: str, scenario: Scenario, chosen: Fault) -> Linted:
    """Return the verdict on a network whose routers start with the lines of a fault. Raises UserError and LeakError."""
    texts = configurations_with(chosen.orders, chosen.stage)
    broken = Scenario(scenario.name, scenario.lab, texts, scenario.certificates)
    known = {_key(one) for one in _findings(scenario)}
    found = [one for one in _findings(broken) if _key(one) not in known]
    changed = {order.router for order in chosen.orders if isinstance(order, Type)}
    harm, bad, is_whole = _harm(scenario, broken, near_of(chosen))
    return Linted(
        name=name,
        network=title(scenario),
        what=f"{chosen.id}: {orders_in_words(chosen)}",
        harm=harm,
        mechanism=chosen.trouble.mechanism,
        bad=bad,
        found=tuple(map(_words, found)),
        named=any(changed & {one.file, *(place.file for place in one.related)} for one in found),
        accused=harm is Harm.NONE and is_whole and any(one.severity is Severity.ERROR for one in found),
    )


def lint_well(name: str, most: int = MANY) -> Linted:
    """Return the verdict on a draw without a fault, with lines that change nothing for packets."""
    entropy = SeededEntropy(f"{name}/healthy")
    kinds = ("plain", *HARMLESS)
    what = kinds[below(entropy, len(kinds))]
    scenario = network_of(name, most)
    errors = [
        one
        for one in _findings(scenario if what == "plain" else with_harmless(scenario, what))
        if one.severity is Severity.ERROR
    ]
    return Linted(
        name=name,
        network=title(scenario),
        what=what,
        harm=Harm.NONE,
        found=tuple(map(_words, errors)),
        accused=bool(errors),
    )


def _harm(well: Scenario, broken: Scenario, near: tuple[str, ...]) -> tuple[Harm, tuple[str, ...], bool]:
    """Return when users notice the difference, what gets worse at once, and whether the network has all that it had.

    It may lack a registration with the third of three servers, and no death of one server shows that.
    """
    healthy, case = Case(well, 1, near), Case(broken, 1, near)
    rows = well_rows(healthy)
    bad = worse(well_rows(case), rows)
    known = healthy.simulator.missing(well)
    is_whole = all(one in known for one in case.simulator.missing(broken))
    if bad:
        return Harm.NOW, bad, is_whole
    return (Harm.SLIGHT if case.loses() else latent(case, rows, well)), (), is_whole


def _findings(scenario: Scenario) -> list[LintFinding]:
    return lint(scenario.configurations, sites_of(scenario))


def _key(finding: LintFinding) -> tuple[str, str, str]:
    """Return what a finding is about, wherever its line is."""
    return finding.rule, finding.file, finding.what


def _words(finding: LintFinding) -> str:
    return f"{finding.severity.value} {finding.rule}, {finding.file}: {' '.join(finding.what.split())}"
