"""The facts about a router, as values that travel as JSON: the base of the facts of all features.

Each feature publishes its own (`facts.py`), `router.facts` those of a whole router. Nothing secret is in them. Times
are seconds; ages and remainders are counted from the moment at which the facts were taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network, ip_network
from typing import Final

from pydantic import BaseModel, ConfigDict

from dmvpn.base.addresses import Prefix
from dmvpn.base.reasons import Reason, ReasonCode

Address = IPv4Address | IPv6Address
AddressWithLength = IPv4Interface | IPv6Interface
Network = IPv4Network | IPv6Network


class Fact(BaseModel):
    """The base of all facts: they are immutable, and unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ReasonFacts(Fact):
    """Why something is not as it should be (`base.reasons`). Without a code there is no reason, and this is false.

    code: `ReasonCode.id`.
    text: for people.
    fields: other reasons, numbers, and all else as text.
    """

    code: str = ""
    text: str = ""
    fields: tuple[ReasonFacts | int | str, ...] = ()

    def is_one(self, *codes: ReasonCode) -> bool:
        """Return whether it is one of these."""
        return any(self.code == code.id for code in codes)

    def parts(self) -> Iterator[ReasonFacts]:
        """Yield this reason, and the reasons behind it, to any depth."""
        yield self
        for field in self.fields:
            if isinstance(field, ReasonFacts):
                yield from field.parts()

    def find(self, *codes: ReasonCode) -> ReasonFacts | None:
        """Return the first part that is one of these, or None."""
        return next((part for part in self.parts() if part.is_one(*codes)), None)

    def __bool__(self) -> bool:
        return bool(self.code)

    def __str__(self) -> str:
        return self.text


NO_REASON: Final = ReasonFacts()


class PeerFacts(Fact):
    """An NBMA address that a protected tunnel has no SAs with.

    reason: IKE's explanation, if there is one.
    front: the VRF in which the address is, "": the global table.
    """

    nbma: Address
    reason: ReasonFacts = NO_REASON
    front: str = ""


class NeighborFacts(Fact):
    """A neighbor of a routing protocol.

    protocol: "eigrp 100".
    up: both receive each other's Hellos.
    reason: why not.
    stub: it advertises no learned routes.
    """

    protocol: str
    interface: str
    address: Address
    up: bool
    age: float
    reason: ReasonFacts = NO_REASON
    stub: bool = False


def reason_facts(reason: Reason | None) -> ReasonFacts:
    """Return the facts of a reason, if there is one."""
    if reason is None:
        return NO_REASON
    return ReasonFacts(code=reason.code.id, text=str(reason), fields=tuple(_fields(reason)))


def _fields(reason: Reason) -> Iterator[ReasonFacts | int | str]:
    for field in reason.fields:
        match field:
            case Reason():
                yield reason_facts(field)
            case int():
                yield int(field)
            case _:
                yield str(field)


def network(prefix: Prefix) -> Network:
    """Return the prefix as the standard library has it."""
    return ip_network((prefix.address, prefix.length))
