"""IKE as facts: its SAs, and the peers that it came to no agreement with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.facts import Address, Fact, PeerFacts, reason_facts
from dmvpn.base.values import project

if TYPE_CHECKING:
    from dmvpn.features.ike.machine import IkeMachine


class IkeFacts(Fact):
    """An IKE SA. phase: as `show crypto ikev2 sa` has it. front: the VRF of both addresses, "": the global table."""

    local: Address
    local_port: int
    remote: Address
    remote_port: int
    phase: str
    age: float
    front: str = ""


def facts(machine: IkeMachine, now: float) -> tuple[IkeFacts, ...]:
    """Return what there is to say about all SAs of IKE."""
    return tuple(project(IkeFacts, sa, phase=sa.phase.value, age=now - sa.since) for sa in machine.sas())


def refused(machine: IkeMachine) -> tuple[PeerFacts, ...]:
    """Return peers without an agreement, whichever end began, with the last reason of each."""
    known = machine.refused.items()
    return tuple(PeerFacts(nbma=peer, front=front, reason=reason_facts(why)) for (peer, front), why in known)
