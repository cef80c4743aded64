"""A pair of SAs of ESP, as quick mode agrees on it: transforms, mode, identities, keys. RFC 2409 §5.5, RFC 2407 §4.

Identities here are the packets that a pair protects. IKEv1 cannot narrow them: the responder takes them or refuses.
Behind a NAT a peer writes the address that it has there; it counts as the address under which we know the peer.
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, TypeAlias

from dmvpn.base.errors import WireError, surely
from dmvpn.base.reasons import Reason
from dmvpn.base.values import dataclass
from dmvpn.features.ike.children import ChildSa, EspKeys
from dmvpn.features.ike.crypto import cipher_of
from dmvpn.features.ike.numbers import ProtocolId
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.spis import is_reserved
from dmvpn.features.ike.suites import lacking
from dmvpn.features.ike.v1.keys import KeySource, child_keys
from dmvpn.features.ike.v1.numbers import EspAttribute, LifeType, NotifyType
from dmvpn.features.ike.v1.offers import encapsulation_modes, esp_wanted, is_in_udp, is_transport
from dmvpn.features.ike.v1.packet import IdentificationPayload, Notify, OriginalAddress, selector_of
from dmvpn.features.ike.v1.proposals import Attribute, parse_attributes
from dmvpn.features.ike.v1.transforms import DEFAULT_LIFETIME, Lifetime

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.ike.crypto.material import Nonces
    from dmvpn.features.ike.peer_settings import ChildTerms
    from dmvpn.features.ike.selectors import TrafficSelector
    from dmvpn.features.ike.v1.offers import Wanted
    from dmvpn.features.ike.v1.packet import Chain
    from dmvpn.features.ike.v1.proposals import Proposal
    from dmvpn.features.ike.v1.sa import IsakmpSa
    from dmvpn.features.ike.v1.transforms import TransformTerms

#: Packets of ours, and packets of the peer's.
Inner: TypeAlias = "tuple[TrafficSelector, TrafficSelector]"


class PairRefused(Exception):
    """No pair comes out of this.

    kind: for the peer, which learns no more than that.
    why: for our log.
    """

    def __init__(self, kind: NotifyType, why: Reason) -> None:
        super().__init__(str(why))
        self.kind, self.why = kind, why


def wanted_by_us(sa: IsakmpSa, terms: ChildTerms) -> Wanted:
    """Return what we offer: all suites in our mode."""
    modes = encapsulation_modes(transport=terms.transport, udp=sa.uses_udp)[:1]
    return esp_wanted(terms.suites, modes, _lifetime(terms))


def acceptable(sa: IsakmpSa, terms: ChildTerms, theirs: tuple[Proposal, ...]) -> Wanted:
    """Return what we accept. Without a group of ours, IOS accepts any that the peer adds, and so do we."""
    ways = (sa.uses_udp, not sa.uses_udp) if sa.chooses_port else (sa.uses_udp,)
    modes = [
        mode
        for udp in ways
        for mode in encapsulation_modes(transport=terms.transport, udp=udp, may_tunnel=terms.may_tunnel)
    ]
    suites = terms.suites
    if not any(suite.group for suite in suites):
        offered = dict.fromkeys(
            attribute.value
            for proposal in theirs
            for transform in proposal.transforms
            for attribute in transform.attributes
            if attribute.kind == EspAttribute.GROUP
        )
        known = surely(sa.suite).group  # it is permitted in main mode, so in quick mode, too
        groups = [group for group in offered if group == known or not lacking(group, weak=terms.weak)]
        suites = (*suites, *(replace(suite, group=group) for group in groups for suite in suites))
    return esp_wanted(suites, tuple(modes), _lifetime(terms))


def _lifetime(terms: ChildTerms) -> Lifetime:
    return Lifetime(int(terms.seconds), terms.octets >> 10)


# ---------------------------------------------------------------------------------------------------------- lifetimes


def shorter_than(offered: Lifetime, agreed: Lifetime, spi: bytes) -> tuple[Notify, ...]:
    """Return RESPONDER-LIFETIME if we keep to less than the peer offers (RFC 2407 §4.6.3.1)."""
    if agreed == offered:
        return ()
    pairs = (
        (LifeType.SECONDS, agreed.seconds if agreed.seconds != offered.seconds else 0),
        (LifeType.KILOBYTES, agreed.kilobytes if agreed.kilobytes != offered.kilobytes else 0),
    )
    attributes = [
        attribute
        for unit, value in pairs
        if value
        for attribute in (Attribute.of(EspAttribute.LIFE_TYPE, unit), Attribute.of(EspAttribute.LIFE_DURATION, value))
    ]
    data = b"".join(attribute.serialize() for attribute in attributes)
    return (Notify(NotifyType.RESPONDER_LIFETIME, data, ProtocolId.ESP, spi),) if data else ()


def told_lifetime(answer: Chain) -> Lifetime:
    """Return the lifetime to which the responder keeps, if it says so. Raises WireError."""
    notify = answer.notify(NotifyType.RESPONDER_LIFETIME)
    if notify is None:
        return Lifetime()
    unit, found = 0, {LifeType.SECONDS: 0, LifeType.KILOBYTES: 0}
    for attribute in parse_attributes(notify.data):
        if attribute.kind == EspAttribute.LIFE_TYPE:
            unit = attribute.value
        elif attribute.kind == EspAttribute.LIFE_DURATION and unit in found:
            found[LifeType(unit)] = min(attribute.value, 0xFFFFFFFF)
    return Lifetime(found[LifeType.SECONDS], found[LifeType.KILOBYTES])


# ---------------------------------------------------------------------------------------------------------- identities


def check_identities(sa: IsakmpSa, terms: ChildTerms, message: Chain, *, ours_first: bool) -> Inner:
    """Check that both ends protect the same packets, and return those as they are in tunnel mode. Raises PairRefused.

    Without identities the initiator wants all packets between the peers (RFC 2409 §5.5), and a tunnel has GRE alone.
    In tunnel mode a NAT does not translate the inner header, so it has the addresses of the identities.
    ours_first: we are the initiator, whose identity comes first.
    """
    identities = message.all(IdentificationPayload)
    if not identities and ours_first:
        return terms.local, terms.remote
    if not identities:
        everything = Reason(IkeReason.WIDER_IDENTITIES, (terms.local, "all packets between both addresses"))
        raise PairRefused(NotifyType.INVALID_ID_INFORMATION, everything)
    if len(identities) != 2:
        raise PairRefused(NotifyType.INVALID_ID_INFORMATION, Reason(IkeReason.NO_SELECTORS))
    try:
        selectors = [selector_of(identity) for identity in identities]
    except WireError as error:
        raise PairRefused(NotifyType.INVALID_ID_INFORMATION, Reason(IkeReason.OF_WIRE, (error,))) from error
    local, remote = selectors if ours_first else reversed(selectors)
    for given, mine in ((local, terms.local), (remote, terms.remote)):
        seen = _as_here(given, mine) if sa.nat.found else given
        if mine != seen:
            code = IkeReason.WIDER_IDENTITIES if mine in seen else IkeReason.NO_IDENTITIES
            raise PairRefused(NotifyType.INVALID_ID_INFORMATION, Reason(code, (mine, given)))
    if not sa.nat.found:
        return terms.local, terms.remote
    return _as_here(terms.local, local), _as_here(terms.remote, remote)


def _as_here(given: TrafficSelector, mine: TrafficSelector) -> TrafficSelector:
    """Return a selector of one host, with the address of another one."""
    hosts = all(each.first == each.last for each in (given, mine))
    if not hosts or given.first.version != mine.first.version:
        return given
    return replace(given, first=mine.first, last=mine.last)


def original_addresses(sa: IsakmpSa, *, transport: bool) -> tuple[OriginalAddress, ...]:
    """Return NAT-OAi and NAT-OAr as we see both addresses, if a NAT is between us (RFC 3947 §5.2)."""
    if not transport or not sa.nat.found:
        return ()
    ends = (sa.path.local.address, sa.path.remote.address)
    initiator, responder = ends if sa.is_initiator else (ends[1], ends[0])
    return _original(initiator), _original(responder)


def _original(address: IPAddress) -> OriginalAddress:
    return OriginalAddress(1 if address.version == 4 else 5, address.packed)


# ---------------------------------------------------------------------------------------------------------------- keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A pair before it has keys.

    spi_i, spi_r: of the initiator of quick mode, and of its responder.
    inner: packets of ours and of the peer's, as they are in tunnel mode.
    shared: the Diffie-Hellman secret with PFS, else empty.
    """

    terms: ChildTerms
    agreed: TransformTerms
    nonces: Nonces
    spi_i: bytes
    spi_r: bytes
    inner: Inner
    shared: bytes = field(default=b"", repr=False)

    def pair(self, sa: IsakmpSa, *, initiated: bool) -> ChildSa:
        """Return the pair. Raises PairRefused."""
        suite, ours, theirs = self.agreed.suite, self.spi_i, self.spi_r
        if not initiated:
            ours, theirs = theirs, ours
        cipher = cipher_of(suite.encr, suite.key_bits, suite.integ)
        if cipher is None or sa.keys is None or is_reserved(theirs):
            raise PairRefused(NotifyType.INVALID_SPI, Reason(IkeReason.NO_SPI, (theirs.hex() or "empty",)))
        source = KeySource(self.nonces, ProtocolId.ESP, self.shared)
        keys = child_keys(sa.keys, source, (self.spi_i, self.spi_r), (cipher.key_size, cipher.integrity_size))
        mine, peers = (keys.initiator, keys.responder) if initiated else (keys.responder, keys.initiator)
        terms, life = self.terms, self.agreed.lifetime.kept
        seconds = float(life.seconds or DEFAULT_LIFETIME)
        transport = is_transport(self.agreed.choice)
        local, remote = (terms.local, terms.remote) if transport else self.inner
        return ChildSa(
            spi_in=ours,
            spi_out=theirs,
            suite=suite,
            keys_in=EspKeys(*peers),
            keys_out=EspKeys(*mine),
            transport=transport,
            udp=is_in_udp(self.agreed.choice),
            local=(local,),
            remote=(remote,),
            terms=replace(terms, local=local, remote=remote, seconds=seconds, octets=life.kilobytes << 10),
            since=sa.now,
            rekey_at=sa.now + seconds if terms.responder_only else sa.rekey_time(seconds),
            lowest_nonce=self.nonces.lowest,
            eager=initiated,
        )
