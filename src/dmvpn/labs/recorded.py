"""The network of a recording. It has no wires, so they are inferred from the addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.router.facts import router_facts
from dmvpn.shells.inference import infer
from dmvpn.shells.lab_model import Lab
from dmvpn.shells.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.router.facts import RouterFacts
    from dmvpn.tools.replaying import Life


@dataclass(frozen=True, slots=True)
class RecordedNetwork:
    """The network at the end of a recording. facts: of its routers by name; last: that moment, monotonic seconds."""

    scenario: Scenario
    facts: Mapping[str, RouterFacts | None]
    last: float


def recorded_network(name: str, lives: Mapping[str, Life]) -> RecordedNetwork:
    """Return the network of a recording. name: for the scenario. Raises UserError."""
    facts: dict[str, RouterFacts | None] = {
        router: router_facts(life.router, life.last) for router, life in lives.items() if life.router is not None
    }
    if not facts:
        raise UserError(f"{name}: no events")
    texts = {router: "\n".join(each.configuration) for router, each in facts.items() if each is not None}
    last = max(life.last for life in lives.values())
    try:
        made = infer(texts, strict=True)
    except UserError:  # no network, but routers
        return RecordedNetwork(Scenario(name, Lab(title=name), texts), facts, last)
    scenario = Scenario(name, made.lab.model_copy(update={"title": name}), made.configurations)
    return RecordedNetwork(scenario, {router: facts[key] for router, key in made.named.items()}, last)
