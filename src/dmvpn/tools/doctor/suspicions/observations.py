"""What one router observes of a server, and the hypotheses that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.tools.doctor.scene import ProbePurpose, ProbeResult, interface_of, lan_ports
from dmvpn.tools.doctor.underlay_path import probe_result
from dmvpn.tools.doctor.verdicts import Hypothesis

if TYPE_CHECKING:
    from dmvpn.base.causes import Cause
    from dmvpn.base.facts import Address
    from dmvpn.features.eigrp.facts import EigrpFacts
    from dmvpn.features.interface.facts import InterfaceFacts
    from dmvpn.tools.doctor.scene import Client, Scene


_HERE: Final = "nothing more: it is here"


@dataclass(frozen=True, slots=True)
class ServerView:
    """A router's view of one server. scene: has this router alone. address: the requested destination, if any."""

    scene: Scene
    client: Client
    address: Address | None = None

    @property
    def peer(self) -> str:
        """The far end, for people."""
        return str(self.client.nbma or "the far end")

    @property
    def wan(self) -> InterfaceFacts | None:
        """The source interface of the tunnel."""
        return interface_of(self.client.facts, self.client.tunnel.source_interface)

    def ping(self, kind: ProbePurpose) -> ProbeResult | None:
        """Return the result of a probe."""
        server = self.client.server
        inside = server.address if server is not None else None
        target = inside if kind in (ProbePurpose.TUNNEL, ProbePurpose.TUNNEL_FULL) else self.client.nbma
        return probe_result(self.scene, kind, self.client.name, target)

    @property
    def gateway(self) -> ProbeResult | None:
        """The result of a ping to the next router."""
        return probe_result(self.scene, ProbePurpose.GATEWAY, self.client.name)

    @property
    def lans(self) -> list[InterfaceFacts]:
        """Interfaces that are neither tunnels nor their sources."""
        return [port for port in lan_ports(self.client.facts) if port.addresses]

    @property
    def reaches(self) -> bool:
        """Whether the server's NBMA address answers pings."""
        found = self.ping(ProbePurpose.UNDERLAY)
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
