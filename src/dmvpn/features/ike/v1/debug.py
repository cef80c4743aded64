"""What `debug crypto isakmp` prints of a message: the steps of main mode, quick mode and the rest, in IOS's words.

The lines are made from a message before its ISAKMP SA takes it in, and when it goes, and only while the debug is on: so
the exchanges are free of them. What they say of an encrypted message is not proved yet. No line has a key.

IOS names the steps of main mode by the last message that came or went: the initiator is in IKE_I_MM1 when message 1 is
sent, the responder in IKE_R_MM1 when it has come; both end in IKE_P1_COMPLETE.

Of an offer each transform is compared with each policy, attribute by attribute, as IOS does. A stranger may offer
hundreds of transforms, so the number of lines is limited.

The chronicle gets what the header of a message says (`passed`).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.chronicle import Contents, LateLine, MessagePassed, Way
from dmvpn.base.errors import WireError
from dmvpn.base.notices import Notice
from dmvpn.base.protection import IkePhase, conn_id
from dmvpn.base.values import Value
from dmvpn.features.ike.chain import Payload
from dmvpn.features.ike.numbers import Encr, ProtocolId
from dmvpn.features.ike.peer_settings import DatagramPath, IsakmpTransform, PeerSettings
from dmvpn.features.ike.v1 import packet
from dmvpn.features.ike.v1.main_mode import MainMode, detect
from dmvpn.features.ike.v1.numbers import (
    AuthMethod,
    EncapsulationMode,
    Encryption,
    EspAttribute,
    EspAuth,
    ExchangeType,
    HashAlgorithm,
    IkeAttribute,
    LifeType,
    Vendor,
)
from dmvpn.features.ike.v1.offers import TransformTerms, Wanted, name_of, read
from dmvpn.features.ike.v1.proposals import Attribute, Proposal
from dmvpn.features.ike.v1.quick_mode import QuickAnswer, QuickAsk, acceptable
from dmvpn.features.ike.v1.sa import IsakmpSa, SaState
from dmvpn.features.ike.v1.transmission import Running

# ------------------------------------------------------------------------------------------------ the chronicle


#: How many octets at the end distinguish messages of one exchange.
_TAIL = 32


def passed(octets: bytes, path: DatagramPath, *, sent: bool) -> list[Notice]:
    """Return the line about a datagram; none if it cannot be read."""
    try:
        header, _ = packet.parse_header(octets)
    except WireError:
        return []
    way = Way.SENT if sent else Way.RECEIVED
    return [LateLine(_spelled, values=(header, octets[-_TAIL:], len(octets), path.remote.address, way))]


def _spelled(header: packet.Header, tail: bytes, size: int, peer: IPAddress, way: Way) -> MessagePassed:
    cookies = f"{header.cookie_i.hex()}/{header.cookie_r.hex()}"
    return MessagePassed(
        protocol="ISAKMP",
        name=header.exchange_name,
        way=way,
        interface="",
        peer=peer,
        subject="",
        mark=f"{cookies}/{header.message_id}/{header.exchange_name}/{tail.hex()}",
        about=(peer,),
        exchange=header.cookie_i.hex(),
        contents=Contents(partial(_fields, header, size)),
    )


def _fields(header: packet.Header, size: int, _: bytes) -> Iterator[str]:
    """Yield the header as lines "Name: value"; `explain` has the names."""
    yield f"Initiator Cookie: {header.cookie_i.hex()}"
    yield f"Responder Cookie: {header.cookie_r.hex()}"
    yield f"Mode: {header.exchange_name}"
    yield f"Phase 2 Identifier: {header.message_id}"
    yield f"Encrypted: {'yes' if header.is_encrypted else 'no'}"
    yield f"Message Length: {size} octets"


# ------------------------------------------------------------------------------------------------ offers


#: Lines about one offer.
MOST_LINES: Final = 200
#: Octets.
_LONGEST_NUMBER: Final = 4
#: As IOS writes numbers of the standard, where it does not use its names.
_CIPHERS: Final[dict[int, str]] = {
    Encryption.AES_CBC: "AES-CBC",
    Encryption.TRIPLE_DES_CBC: "3DES-CBC",
    Encryption.DES_CBC: "DES-CBC",
}
_HASHES: Final[dict[int, str]] = {
    HashAlgorithm.SHA1: "SHA",
    HashAlgorithm.SHA2_256: "SHA256",
    HashAlgorithm.SHA2_384: "SHA384",
    HashAlgorithm.SHA2_512: "SHA512",
}
_METHODS: Final[dict[int, str]] = {AuthMethod.PRE_SHARED_KEY: "pre-share", AuthMethod.RSA_SIGNATURE: "RSA sig"}
_TRANSFORMS: Final[dict[int, str]] = {Encr.AES_CBC: "ESP_AES", Encr.TRIPLE_DES: "ESP_3DES"}
_AUTHENTICATORS: Final[dict[int, str]] = {
    EspAuth.HMAC_MD5: "HMAC-MD5",
    EspAuth.HMAC_SHA1: "HMAC-SHA",
    EspAuth.HMAC_SHA2_256: "HMAC-SHA256",
    EspAuth.HMAC_SHA2_384: "HMAC-SHA384",
    EspAuth.HMAC_SHA2_512: "HMAC-SHA512",
}
_MODES: Final[dict[int, str]] = {
    EncapsulationMode.TUNNEL: "Tunnel",
    EncapsulationMode.TRANSPORT: "Transport",
    EncapsulationMode.UDP_TUNNEL: "Tunnel-UDP",
    EncapsulationMode.UDP_TRANSPORT: "Transport-UDP",
}


def _main_mode_lines(policies: Sequence[IsakmpTransform], theirs: Iterable[Proposal]) -> Iterator[str]:
    """Yield the lines about an offer of main mode, up to the first transform that a policy accepts."""
    offered = [transform for proposal in theirs for transform in proposal.transforms]
    for policy in policies:
        for place, transform in enumerate(offered, 1):
            yield f"ISAKMP:(0):Checking ISAKMP transform {transform.number} against priority {policy.priority} policy"
            yield from _ike_attributes(transform.attributes)
            why = _mismatch(policy, read(ProtocolId.IKE, transform))
            more = 3 if place < len(offered) else 0
            if not why:
                yield f"ISAKMP:(0):atts are acceptable. Next payload is {more}"
                return
            yield f"ISAKMP:(0):{why}"
            yield f"ISAKMP:(0):atts are not acceptable. Next payload is {more}"
    yield "ISAKMP:(0):no offers accepted!"


def _mismatch(policy: IsakmpTransform, terms: TransformTerms | None) -> str:
    """Return in what a transform differs from a policy; "": in nothing."""
    if terms is None:
        return "Attributes offered are not known!"
    ours, offered = policy.suite, terms.suite
    method = AuthMethod.RSA_SIGNATURE if policy.signs else AuthMethod.PRE_SHARED_KEY
    pairs = (
        ("Encryption algorithm offered does not match policy!", ours.encr, offered.encr),
        ("Proposed key length does not match policy", ours.key_bits, offered.key_bits),
        ("Hash algorithm offered does not match policy!", ours.prf, offered.prf),
        ("Diffie-Hellman group offered does not match policy!", ours.group, offered.group),
        ("Authentication method offered does not match policy!", method, terms.choice),
    )
    return next((what for what, mine, others in pairs if mine != others), "")


def _ike_attributes(attributes: Iterable[Attribute]) -> Iterator[str]:
    for attribute in attributes:
        value = attribute.value
        match attribute.kind:
            case IkeAttribute.ENCRYPTION:
                yield f"ISAKMP:      encryption {_named(_CIPHERS, Encryption, value)}"
            case IkeAttribute.KEY_LENGTH:
                yield f"ISAKMP:      keylength of {_number(attribute)}"
            case IkeAttribute.HASH:
                yield f"ISAKMP:      hash {_named(_HASHES, HashAlgorithm, value)}"
            case IkeAttribute.GROUP:
                yield f"ISAKMP:      default group {_number(attribute)}"
            case IkeAttribute.AUTHENTICATION:
                yield f"ISAKMP:      auth {_named(_METHODS, AuthMethod, value)}"
            case IkeAttribute.LIFE_TYPE:
                yield f"ISAKMP:      life type in {_unit(value)}"
            case IkeAttribute.LIFE_DURATION:
                yield f"ISAKMP:      life duration {_duration(attribute)}"
            case kind:
                yield f"ISAKMP:      attribute {kind} is {_number(attribute)}"


def _quick_mode_lines(number: int, wanted: Wanted, theirs: Iterable[Proposal]) -> Iterator[str]:
    """Yield the lines about an offer, or an answer, of quick mode. number: of the ISAKMP SA."""
    start = f"ISAKMP:({conn_id(number)})"
    ours = {(terms.suite, terms.choice) for terms in wanted.terms}
    for proposal in theirs:
        yield f"{start}:Checking IPSec proposal {proposal.number}"
        for transform in proposal.transforms:
            yield f"ISAKMP: transform {transform.number}, {_named(_TRANSFORMS, Encr, transform.id)} "
            yield "ISAKMP:   attributes in transform:"
            yield from _esp_attributes(transform.attributes)
            terms = read(proposal.protocol, transform)
            fits = proposal.protocol == wanted.protocol and terms is not None and (terms.suite, terms.choice) in ours
            yield f"{start}:atts are {'acceptable' if fits else 'not acceptable'}."


def _esp_attributes(attributes: Iterable[Attribute]) -> Iterator[str]:
    for attribute in attributes:
        value = attribute.value
        match attribute.kind:
            case EspAttribute.ENCAPSULATION:
                yield f"ISAKMP:      encaps is {_number(attribute)} ({_named(_MODES, EncapsulationMode, value)})"
            case EspAttribute.LIFE_TYPE:
                yield f"ISAKMP:      SA life type in {_unit(value)}"
            case EspAttribute.LIFE_DURATION:
                yield f"ISAKMP:      SA life duration {_duration(attribute)}"
            case EspAttribute.AUTHENTICATION:
                yield f"ISAKMP:      authenticator is {_named(_AUTHENTICATORS, EspAuth, value)}"
            case EspAttribute.KEY_LENGTH:
                yield f"ISAKMP:      key length is {_number(attribute)}"
            case EspAttribute.GROUP:
                yield f"ISAKMP:      group is {_number(attribute)}"
            case kind:
                yield f"ISAKMP:      attribute {kind} is {_number(attribute)}"


def _named(names: Mapping[int, str], kind: type[enum.IntEnum], value: int) -> str:
    return names.get(value) or name_of(kind, value)


def _number(attribute: Attribute) -> str:
    return str(attribute.value) if len(attribute.octets) <= _LONGEST_NUMBER else "a large number"


def _unit(value: int) -> str:
    return name_of(LifeType, value).lower()


def _duration(attribute: Attribute) -> str:
    """Return a duration as IOS writes it: a short attribute as a number, any other one as octets."""
    if attribute.is_short:
        return f"(basic) of {attribute.value}"
    octets = " ".join(f"0x{octet:X}" for octet in attribute.octets[:_LONGEST_NUMBER])
    return f"(VPI) of  {octets} "


# ------------------------------------------------------------------------------------------------ steps


#: The message of main mode that each end waits for.
_EXPECTED: Final = {
    (True, SaState.NO_STATE): 2,
    (True, SaState.SA_SETUP): 4,
    (True, SaState.KEY_EXCH): 6,
    (False, SaState.SA_SETUP): 3,
    (False, SaState.KEY_EXCH): 5,
}
#: The state with which IOS sends each message of main mode.
_SENT_IN: Final = (
    *(IkePhase.MM_NO_STATE, IkePhase.MM_NO_STATE, IkePhase.MM_SA_SETUP, IkePhase.MM_SA_SETUP),
    *(IkePhase.MM_KEY_EXCH, IkePhase.MM_KEY_EXCH, IkePhase.MM_KEY_EXCH),
)
_LAST: Final = 6
_VENDORS: Final = {
    Vendor.NAT_T: "NAT-T RFC 3947",
    Vendor.NAT_T_07: "NAT-T v7",
    Vendor.NAT_T_03: "NAT-T v3",
    Vendor.NAT_T_02: "NAT-T v2",
    Vendor.DPD: "DPD",
    Vendor.FRAGMENTATION: "IKE Fragmentation",
    Vendor.UNITY: "Unity",
    Vendor.XAUTH: "XAUTH",
}
_NAMES: Final[dict[type[Payload], str]] = {
    packet.SecurityAssociation: "SA",
    packet.KeyExchange: "KE",
    packet.Nonce: "NONCE",
    packet.IdentificationPayload: "ID",
    packet.Hash: "HASH",
    packet.VendorId: "vendor id",
}


class _Passing(Value):
    """A message that goes, or has come.

    sa: its ISAKMP SA; None: there is none (yet, or any more).
    exchange: to which it belongs, if that is known.
    """

    message: packet.Message
    octets: bytes
    path: DatagramPath
    sa: IsakmpSa | None
    exchange: Running | None

    @property
    def number(self) -> int:
        """The number of the ISAKMP SA, as IOS writes it."""
        return conn_id(self.sa.number) if self.sa is not None else 0

    @property
    def is_ours(self) -> bool:
        """Whether we began main mode."""
        return self.sa is not None and self.sa.is_initiator

    @property
    def is_duplicate(self) -> bool:
        """Whether the peer's last message has come again."""
        return self.exchange is not None and self.exchange.retransmission.is_repetition(self.octets)

    @property
    def goes_again(self) -> bool:
        """Whether our last message goes again."""
        return self.exchange is not None and self.exchange.retransmission.is_again

    def _state(self, phase: IkePhase | None) -> str:
        if self.sa is None or phase is None:
            return ""
        return f" ({'I' if self.is_ours else 'R'}) {phase.value}"

    def sending(self, phase: IkePhase | None) -> str:
        """Return the line that the message goes. phase: of its ISAKMP SA."""
        remote = self.path.remote
        ports = f"my_port {self.path.local.port} peer_port {remote.port}"
        return f"ISAKMP:({self.number}): sending packet to {remote.address} {ports}{self._state(phase)}"

    def received(self) -> str:
        """Return the line that the message has come."""
        remote = self.path.remote
        state = self._state(self.sa.phase) if self.sa is not None else " (N) NEW SA"
        ports = f"dport {self.path.local.port} sport {remote.port}"
        return f"ISAKMP ({self.number}): received packet from {remote.address} {ports} Global{state}"


def packet_lines(
    octets: bytes, path: DatagramPath, sa: IsakmpSa | None, settings: PeerSettings, *, sent: bool
) -> list[str]:
    """Return the lines about a message. sa: that it belongs to, if there is one."""
    try:
        message = packet.Message.parse(octets)
    except WireError as error:
        return [f"ISAKMP: a message from {path.remote} cannot be read: {error}"]
    header = message.header
    passing = _Passing(message, octets, path, sa, sa.exchanges.get(header.message_id) if sa is not None else None)
    if header.exchange == ExchangeType.MAIN:
        lines = _sent_main_mode(passing) if sent else _received_main_mode(passing, settings)
    elif header.exchange == ExchangeType.QUICK and sa is not None:
        lines = _sent_quick_mode(passing, sa) if sent else _received_quick_mode(passing, sa)
    else:
        lines = _other(passing, sent=sent)
    return list(islice(lines, MOST_LINES))


# ---------------------------------------------------------------------------------------------------------- main mode


def _sent_main_mode(passing: _Passing) -> Iterator[str]:
    is_ours, head = passing.is_ours, f"ISAKMP:({passing.number}):"
    place = _place(passing.message, from_initiator=is_ours)
    phase = _SENT_IN[place]
    if place == 0:  # a fragment
        yield passing.sending(passing.sa.phase if passing.sa is not None else phase)
    elif passing.goes_again:
        yield f"{head} retransmitting phase 1 {phase.value}..."
        yield passing.sending(phase)
    elif place == 1:
        yield f"{head}Input = IKE_MESG_FROM_IPSEC, IKE_SA_REQ_MM"
        yield _moves(head, place, is_ours=True)
        yield f"{head} beginning Main Mode exchange"
        yield passing.sending(phase)
    else:
        yield passing.sending(phase)
        yield f"{head}Input = IKE_MESG_INTERNAL, IKE_PROCESS_COMPLETE"
        yield _moves(head, place, is_ours=is_ours)


def _received_main_mode(passing: _Passing, settings: PeerSettings) -> Iterator[str]:
    is_ours, head, message = passing.is_ours, f"ISAKMP:({passing.number}):", passing.message
    yield passing.received()
    if passing.is_duplicate:
        yield f"{head} phase 1 packet is a duplicate of a previous packet."
        return
    place = _place(message, from_initiator=not is_ours)
    expected = 1 if passing.sa is None else _EXPECTED.get((is_ours, passing.sa.state))
    if place == expected:
        yield f"{head}Input = IKE_MESG_FROM_PEER, IKE_MM_EXCH"
        yield _moves(head, place, is_ours=is_ours)
    yield from _payloads(head, message.payloads, 0)
    offers = message.find(packet.SecurityAssociation)
    if offers is not None:
        peer, opening = passing.path.remote.address, settings.main_mode(passing.path)
        if opening.secrets:
            yield f"{head}found peer pre-shared key matching {peer}"
            yield f"{head} local preshared key found"
        else:
            yield f"{head}No pre-shared key with {peer}!"
        yield from _main_mode_lines(opening.transforms, offers.proposals)
    if passing.sa is not None and any(isinstance(one, packet.NatDetection) for one in message.payloads):
        yield from _nat_lines(passing, passing.sa)


def _nat_lines(passing: _Passing, sa: IsakmpSa) -> Iterator[str]:
    """Yield the line about NAT detection, which needs the hash on which messages 1 and 2 agree."""
    if sa.suite is None or not isinstance(passing.exchange, MainMode):
        return
    nat = detect(passing.message, sa.spis, passing.path, sa.prf, forces=passing.exchange.forces_udp)
    match nat.local, nat.remote:
        case True, True:
            yield f"ISAKMP ({passing.number}): NAT found, both nodes inside NAT"
        case True, False:
            yield f"ISAKMP ({passing.number}): NAT found, node inside NAT"
        case False, True:
            yield f"ISAKMP ({passing.number}): His hash no match - this node outside NAT"
        case _:
            yield f"ISAKMP ({passing.number}): No NAT Found for self or peer"


def _place(message: packet.Message, *, from_initiator: bool) -> int:
    """Return which message of main mode it is, by its contents; 0: none."""
    first = 5 if message.sealed is not None else 1 if message.find(packet.SecurityAssociation) else 3
    if first == 3 and message.find(packet.KeyExchange) is None:
        return 0
    return first if from_initiator else first + 1


def _moves(head: str, place: int, *, is_ours: bool) -> str:
    """Return the line about the step that a message of main mode is."""
    role = "I" if is_ours else "R"
    old = f"IKE_{role}_MM{place - 1}" if place > 1 else "IKE_READY"
    new = "IKE_P1_COMPLETE" if place == _LAST and not is_ours else f"IKE_{role}_MM{place}"
    return f"{head}Old State = {old}  New State = {new}"


# --------------------------------------------------------------------------------------------------------- quick mode


def _sent_quick_mode(passing: _Passing, sa: IsakmpSa) -> Iterator[str]:
    head, number = f"ISAKMP:({passing.number}):", passing.message.header.message_id
    exchange, sending = passing.exchange, passing.sending(sa.phase)
    if passing.goes_again:
        yield f"{head} retransmitting phase 2 QM_IDLE {number} ..."
        yield sending
    elif isinstance(exchange, QuickAsk) and exchange.retransmission.awaits:
        yield f"{head}beginning Quick Mode exchange, M-ID of {number}"
        yield f"{head}QM Initiator gets spi"
        yield sending
        yield f"{head}Node {number}, Input = IKE_MESG_INTERNAL, IKE_INIT_QM"
        yield f"{head}Old State = IKE_QM_READY  New State = IKE_QM_I_QM1"
    else:
        yield sending
        yield f"{head}Node {number}, Input = IKE_MESG_FROM_PEER, IKE_QM_EXCH"
        if isinstance(exchange, QuickAsk):
            yield f"{head}Old State = IKE_QM_I_QM1  New State = IKE_QM_PHASE2_COMPLETE"
        else:
            yield f"{head}Old State = IKE_QM_READY  New State = IKE_QM_R_QM2"


def _received_quick_mode(passing: _Passing, sa: IsakmpSa) -> Iterator[str]:
    head, number, exchange = f"ISAKMP:({passing.number}):", passing.message.header.message_id, passing.exchange
    yield passing.received()
    if passing.is_duplicate:
        yield f"{head} phase 2 packet is a duplicate of a previous packet."
        return
    payloads = _opened(passing)
    yield from _payloads(head, payloads, number)
    offers = next((each for each in payloads if isinstance(each, packet.SecurityAssociation)), None)
    if offers is not None and sa.is_established and sa.terms is not None:
        if isinstance(exchange, QuickAsk):
            wanted = exchange.wanted
        else:
            wanted = acceptable(sa, sa.settings.child(sa.terms.child), offers.proposals)
        yield from _quick_mode_lines(sa.number, wanted, offers.proposals)
    elif offers is None and isinstance(exchange, QuickAnswer) and exchange.over_at is None:
        yield f"{head}Node {number}, Input = IKE_MESG_FROM_PEER, IKE_QM_EXCH"
        yield f"{head}Old State = IKE_QM_R_QM2  New State = IKE_QM_PHASE2_COMPLETE"


# ---------------------------------------------------------------------------------------------------------- the others


def _other(passing: _Passing, *, sent: bool) -> Iterator[str]:
    header, head = passing.message.header, f"ISAKMP:({passing.number}):"
    yield passing.sending(passing.sa.phase if passing.sa is not None else None) if sent else passing.received()
    if header.exchange != ExchangeType.INFORMATIONAL:
        yield f"ISAKMP: {header.exchange_name} exchange, message ID = {header.message_id}"
    elif not sent:
        yield from _payloads(head, _opened(passing), header.message_id)
        if passing.message.sealed is None:
            yield f"{head}Notify has no hash. Rejected."


def _opened(passing: _Passing) -> tuple[Payload, ...]:
    """Return the payloads of a message, encrypted or not; none if it cannot be read."""
    message, channel = passing.message, passing.sa.channel if passing.sa is not None else None
    if channel is None or message.sealed is None:
        return message.payloads
    try:
        return channel.open(message).payloads
    except WireError:
        return ()


def _payloads(head: str, payloads: Iterable[Payload], number: int) -> Iterator[str]:
    """Yield the lines about payloads, as far as they have a name. number: the message ID."""
    for payload in payloads:
        match payload:
            case packet.VendorId(data=data):
                yield f"{head} processing vendor id payload"
                known = next((name for vendor, name in _VENDORS.items() if data.startswith(vendor.value)), "")
                yield f"{head} vendor ID is {known or f'unknown: {data[:16].hex()}'}"
            case packet.Notify():
                protocol = payload.protocol
                yield f"{head} processing NOTIFY {payload.name} protocol {protocol}, message ID = {number}"
            case packet.Delete(protocol=protocol, spis=spis):
                what = "ISAKMP SA" if protocol == ProtocolId.IKE else "IPSec SA"
                yield f"{head} processing DELETE payload. message ID = {number}: {len(spis)} {what}"
            case _ if (name := _NAMES.get(type(payload))) is not None:
                yield f"{head} processing {name} payload. message ID = {number}"
