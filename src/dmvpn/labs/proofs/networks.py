"""Networks from a seed: built in, or drawn as a table of sites or line by line."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.base.entropy import SeededEntropy, below
from dmvpn.base.errors import UserError
from dmvpn.labs.proofs.certified import certify
from dmvpn.network.lines import after
from dmvpn.shells.exercises import built_in_names
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.render import render_sites
from dmvpn.tools.render.plan import Keys
from dmvpn.tools.troubles.plans import TRUSTPOINTS, files_of, plan_of, table_of
from dmvpn.tools.troubles.stage import Stage

if TYPE_CHECKING:
    from dmvpn.tools.troubles.plans import Plan

#: Networks in which a spoke cannot register: they are never well.
_NOT_WELL: Final = ("notes-gre", "two-spokes-one-nat")
_DRAWN: Final = "drawn"
#: Lines on tunnels that change nothing for packets, with a number of the router.
HARMLESS: Final = {
    "holding times": "ip nhrp holdtime {}",
    "network-ids": "ip nhrp network-id {}",
    "descriptions": "description line {}",
}
#: Routers of the largest network, without those of the provider: of the quick measure, and of the whole one.
FEW, MANY = 8, 42


def network_of(name: str, most: int) -> Scenario:
    """Return the network of a draw, by its name. most: routers, without those of the provider."""
    entropy = SeededEntropy(f"{name}/network")
    known = [each for each in built_in_names() if each not in _NOT_WELL]
    match below(entropy, 3):
        case 0:
            return Scenario.load(known[below(entropy, len(known))])
        case 1:
            return _rendered(table_of(entropy, most))
        case _:
            return drawn(plan_of(entropy, most))


def drawn(plan: Plan) -> Scenario:
    """Return the network of a plan."""
    return _loaded(tuple(files_of(plan).items()))


@cache
def _rendered(table: str) -> Scenario:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sites.yaml"
        path.write_text(table)
        keys = Keys(pre_shared_key="Very-Secret-1", nhrp_authentication="apart")
        rendered = render_sites(path, keys=keys, lab=True, out=Path(folder) / "out")
    return _loaded(tuple(rendered.files.items()))


@cache
def _loaded(files: tuple[tuple[str, str], ...]) -> Scenario:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / _DRAWN).mkdir()
        for name, text in files:
            (Path(folder) / _DRAWN / name).write_text(text)
        certified = [name for name, text in files if f"crypto pki trustpoint {TRUSTPOINTS[0]}" in text]
        if certified:
            certify(Path(folder) / _DRAWN / "pki", [name.removesuffix(".cfg") for name in certified])
        return Scenario.load(str(Path(folder) / _DRAWN), strict=True)


def with_harmless(scenario: Scenario, what: str) -> Scenario:
    """Return a network with a line of `HARMLESS` on each tunnel that runs NHRP."""
    texts = dict(scenario.configurations)
    for number, (name, actor) in enumerate(Stage.of(scenario).actors.items()):
        if actor.nhrp.network_id is not None:
            line = HARMLESS[what].format(100 + 7 * number)
            with suppress(UserError):
                texts[name] = after(texts[name], (f"interface {actor.tunnel}", line))
    return Scenario(scenario.name, scenario.lab, texts, scenario.certificates)


def title(scenario: Scenario) -> str:
    """Return the name of a network, or the description of a drawn network."""
    return scenario.lab.title if scenario.name == _DRAWN else scenario.name


def traits(stage: Stage) -> tuple[str, ...]:
    """Return the traits of a network: its phase, NAT, IPsec, several hubs, and its routing protocols."""
    hub, spoke = stage.actors[stage.hubs[0]], stage.actors[stage.spokes[0]]
    phase = 1 if not spoke.multipoint else 3 if hub.nhrp.redirect else 2
    words = spoke.words
    spoken = [name.upper() for name in ("eigrp", "ospf", "bgp", "rip") if name in words]
    has = {
        "several hubs": len(stage.hubs) > 1,
        "NAT": bool(stage.scenario.lab.gateways) or "nat-overload" in stage.scenario.name,
        "IPsec": hub.settings is not None and bool(hub.settings.protection),
    }
    return (f"phase {phase}", *(name for name, yes in has.items() if yes), *(spoken or ["static"]))
