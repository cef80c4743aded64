"""What one router sees of a server, and how it says what may be wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.tools.doctor.probes import Kind, Outcome
from dmvpn.tools.doctor.scene import interface_of
from dmvpn.tools.doctor.verdicts import Hypothesis
from dmvpn.tools.doctor.wires import answer

if TYPE_CHECKING:
    from dmvpn.base.facts import Address
    from dmvpn.features.eigrp.facts import EigrpFacts
    from dmvpn.features.interface.facts import InterfaceFacts
    from dmvpn.tools.causes import Cause
    from dmvpn.tools.doctor.scene import Client, Scene


_HERE: Final = "nothing more: it is here"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a router sees of one server. scene: has this router alone. address: where somebody wants to get to."""

    scene: Scene
    client: Client
    address: Address | None = None

    @property
    def peer(self) -> str:
        """The far end, for people."""
        return str(self.client.nbma or "the far end")

    @property
    def wan(self) -> InterfaceFacts | None:
        """The interface that the tunnel leaves from."""
        return interface_of(self.client.facts, self.client.tunnel.source_interface)

    def ping(self, kind: Kind) -> Outcome | None:
        """Return what a probe came to."""
        server = self.client.server
        inside = server.address if server is not None else None
        target = inside if kind in (Kind.TUNNEL, Kind.TUNNEL_FULL) else self.client.nbma
        return answer(self.scene, kind, self.client.name, target)

    @property
    def gateway(self) -> Outcome | None:
        """What a ping of the next router came to."""
        for probe, outcome in self.scene.answers.items():
            if probe.kind is Kind.GATEWAY and probe.router == self.client.name:
                return outcome
        return None

    @property
    def lans(self) -> list[InterfaceFacts]:
        """Interfaces that carry neither tunnels nor their packets."""
        facts = self.client.facts
        under = {one.source_interface for one in facts.tunnels} | {one.name for one in facts.tunnels}
        return [it for it in facts.interfaces if it.name not in under and it.line and it.addresses]

    @property
    def reaches(self) -> bool:
        """Pings come back from the server's NBMA address."""
        found = self.ping(Kind.UNDERLAY)
        return found is not None and "!" in found.marks

    @property
    def eigrp(self) -> EigrpFacts | None:
        """The process that runs here."""
        return next(iter(self.client.facts.eigrp), None)


def here(cause: Cause, why: str, fix: tuple[str, ...] = ()) -> Hypothesis:
    lines = f"; to fix: {' / '.join(fix)}" if fix else ""
    return Hypothesis(cause=cause, why=why, decide=_HERE + lines)


def maybe(cause: Cause, why: str, decide: str) -> Hypothesis:
    return Hypothesis(cause=cause, why=why, decide=decide)


def mild(cause: Cause, why: str, decide: str) -> Hypothesis:
    return Hypothesis(cause=cause, why=why, decide=decide, mild=True)
