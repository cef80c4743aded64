"""The path of a received NHRP packet: parse, check, find the station it is for, hand over to a part.

    octets -> parse -> tunnel configured? -> password, extensions -> for us?  -> admission, responder, registration,
                                                                  |              resolver, purger
                                                                  -> else     -> transit

A reply is for the station that is its *source* (RFC 2332 §5.2.0.1). A request or an indication is for the station that
is its destination, or that leads to the destination: a Resolution Request for a host behind us is ours to answer.
"""

from __future__ import annotations

from dataclasses import replace

from dmvpn.base.addresses import IPAddress
from dmvpn.base.errors import WireError
from dmvpn.base.events import NhrpReceived
from dmvpn.base.reasons import Reason
from dmvpn.features.nhrp import messages, parts
from dmvpn.features.nhrp.admission import Admission
from dmvpn.features.nhrp.cache import NbmaPeer
from dmvpn.features.nhrp.connections import SenderStanding, standing_of
from dmvpn.features.nhrp.debug import Processing
from dmvpn.features.nhrp.instance import REFUSAL_LOG_INTERVAL, Instance
from dmvpn.features.nhrp.packet import (
    REPLIES,
    ErrorCode,
    ErrorIndication,
    NhrpPacket,
    PacketType,
    PurgeReply,
    PurgeRequest,
    RegistrationReply,
    RegistrationRequest,
    ResolutionReply,
    ResolutionRequest,
    TrafficIndication,
    parse,
)
from dmvpn.features.nhrp.parts import Extensions
from dmvpn.features.nhrp.purge import Purger
from dmvpn.features.nhrp.reasons import NhrpReason, Objection, Refusal
from dmvpn.features.nhrp.registration import Registration
from dmvpn.features.nhrp.renewals import Renewals
from dmvpn.features.nhrp.resolver import Resolver
from dmvpn.features.nhrp.responder import Responder
from dmvpn.features.nhrp.routing import Egress, NextStation, Unreachable, quoted_addresses, route_message
from dmvpn.features.nhrp.shared import PACKET
from dmvpn.features.nhrp.transit import Errors, Transit, destination_offset, extension_offset, quoted_request
from dmvpn.features.nhrp.tunnel import Tunnel

#: Octets that an NHRP packet may have. Real packets have some hundred; the size of a jumbo frame is more than enough.
LARGEST_MESSAGE = 9216


class Reception:
    """Receives packets. It owns no state; it gets the parts as arguments."""

    def __init__(
        self,
        instance: Instance,
        errors: Errors,
        *,
        registration: Registration,
        admission: Admission,
        resolver: Resolver,
        responder: Responder,
        purger: Purger,
        transit: Transit,
        renewals: Renewals,
    ) -> None:
        self._instance = instance
        self._context = instance.context
        self._errors = errors
        self._registration = registration
        self._admission = admission
        self._resolver = resolver
        self._responder = responder
        self._purger = purger
        self._transit = transit
        self._renewals = renewals

    def receive(self, event: NhrpReceived) -> None:
        """Take in a packet that came out of GRE."""
        tunnel = self._instance.tunnels.get(event.tunnel)
        if tunnel is None:
            message = messages.network_unconfigured(event.tunnel, event.outer_source)
            self._instance.log_dmvpn(message, about=event.tunnel, interval=REFUSAL_LOG_INTERVAL)
            return
        if not tunnel.running:
            tunnel.counters.count_refused(Refusal.IGNORED)
            return
        if tunnel.protected and not event.connection:
            self._instance.refuse(tunnel, Refusal.IN_CLEAR, event.outer_source)
            return
        sender = tuple.__new__(NbmaPeer, (event.outer_source, event.connection))
        work = PACKET + len(event.data)
        known = tunnel.cache.at(sender.nbma)
        standing = standing_of(self._instance.ports.protection, tunnel, sender, known)
        if not self._instance.admit(standing, work):
            self._instance.refuse(tunnel, Refusal.TOO_MUCH_WORK, event.outer_source)
            return
        if known and self._renewals.renew(tunnel, event, sender, standing, known):
            return
        if not self._understand(tunnel, event, sender, standing) and not event.connection:
            self._instance.charge(standing, -work)  # any station can send that in the station's name

    def _understand(self, tunnel: Tunnel, event: NhrpReceived, sender: NbmaPeer, standing: SenderStanding) -> bool:
        """Process a packet; return whether it is well-formed and has the right password."""
        if len(event.data) > LARGEST_MESSAGE:
            self._errors.too_large(tunnel, event.data, sender)
            return False
        try:
            packet = parse(event.data)
            if type(packet.source_nbma) is not type(event.outer_source):  # the underlay carries nothing to that address
                what = f"NBMA address {packet.source_nbma} on an underlay of IPv{event.outer_source.version}"
                raise WireError(what, offset=0, clause="RFC 2332 §5.2.0.1")
        except WireError as error:
            self._errors.unreadable(tunnel, event.data, sender, error)
            return False
        tunnel.counters.count_received(packet.TYPE)
        self._instance.show(Processing.RECEIVE, tunnel, event.outer_source, packet, event.data)
        packet = _completed(packet, event.outer_source)
        if not self._is_authentic(tunnel, packet, sender):
            return False
        if self._is_consistent(tunnel, packet, sender) and (
            not tunnel.config.bind_identity or self._is_of_its_source(tunnel, packet, sender)
        ):
            self._deliver(tunnel, packet, sender, standing, event)
        return True

    # -------------------------------------------------------------------------------------------- decisions

    def _is_authentic(self, tunnel: Tunnel, packet: NhrpPacket, sender: NbmaPeer) -> bool:
        """Check the password, if one is configured: the packet must have it, the same to the octet."""
        password = tunnel.config.password
        if not password or isinstance(packet, ErrorIndication):
            return True  # errors have no extensions (RFC 2332 §5.2.7)
        received = parts.find(packet.extensions, parts.Authentication)
        if received is not None and received.data == password:
            return True
        if isinstance(packet, RegistrationReply):
            reason = Reason(NhrpReason.OTHER_PASSWORD, since=self._context.now)
            self._registration.failed(tunnel, packet.request_id, reason)
        code, why = ErrorCode.AUTHENTICATION_FAILURE, Refusal.AUTHENTICATION
        self._errors.refuse(tunnel, packet, sender, code, why, extension_offset(packet, received))
        return False

    def _is_consistent(self, tunnel: Tunnel, packet: NhrpPacket, sender: NbmaPeer) -> bool:
        """Check that no extension is repeated (RFC 2332 §5.3): of two records, which would show a loop?"""
        second = _repeated(packet.extensions)
        if second is None:
            return True
        code, why = ErrorCode.INVALID_EXTENSION, Refusal.INVALID_EXTENSION
        self._errors.refuse(tunnel, packet, sender, code, why, extension_offset(packet, second))
        return False

    def _is_of_its_source(self, tunnel: Tunnel, packet: NhrpPacket, sender: NbmaPeer) -> bool:
        """Check the source with `ip nhrp bind identity`, since stations behind us would trust it.

        A registration is not dropped but refused, and the source of a reply is the requester.
        """
        if isinstance(packet, (RegistrationRequest, *REPLIES)):
            return True
        return self._admission.may_speak_for(tunnel, packet.source_protocol, sender)

    def _deliver(
        self, tunnel: Tunnel, packet: NhrpPacket, sender: NbmaPeer, standing: SenderStanding, event: NhrpReceived
    ) -> None:
        # A registration may be for the client itself, as from FRR when it does not know our address.
        kind = type(packet)
        if type(packet) is RegistrationRequest and (
            tunnel.is_ours(packet.destination_protocol) or packet.destination_protocol == packet.source_protocol
        ):
            self._take(tunnel, packet, sender, None, standing, event)
            return
        if type(packet) is ErrorIndication and self._errors.is_own(tunnel, packet):
            tunnel.counters.count_refused(Refusal.LOOP)
            return
        towards = packet.source_protocol if kind in REPLIES else packet.destination_protocol
        match route_message(self._instance, tunnel, towards, sender):
            case Egress() as here:
                self._take(tunnel, packet, sender, here, standing, event)
            case NextStation() as station:
                self._transit.forward(tunnel, packet, sender, station)
            case Unreachable():
                back = self._transit.hop_back(tunnel, packet)
                if back is not None and not back.neighbor.meets(sender):
                    self._transit.forward(tunnel, packet, sender, back)
                else:
                    self._refuse(tunnel, packet, sender)

    def _refuse(self, tunnel: Tunnel, packet: NhrpPacket, sender: NbmaPeer) -> None:
        """Refuse a packet without a route to its destination."""
        if isinstance(packet, ResolutionRequest):
            self._responder.refuse(tunnel, packet, sender)
        elif isinstance(packet, ErrorIndication | TrafficIndication):
            tunnel.counters.count_refused(Refusal.NO_WAY)
        else:
            code = ErrorCode.PROTOCOL_ADDRESS_UNREACHABLE
            self._errors.refuse(tunnel, packet, sender, code, Refusal.NO_WAY, destination_offset(packet))

    def _take(
        self,
        tunnel: Tunnel,
        packet: NhrpPacket,
        sender: NbmaPeer,
        here: Egress | None,
        standing: SenderStanding,
        event: NhrpReceived,
    ) -> None:
        """Process a packet that is for us."""
        unknown = parts.unknown_compulsory(packet.extensions)
        if unknown is not None:
            code, why = ErrorCode.UNRECOGNIZED_EXTENSION, Refusal.UNKNOWN_EXTENSION
            self._errors.refuse(tunnel, packet, sender, code, why, extension_offset(packet, unknown))
            return
        match packet:
            case RegistrationRequest():
                self._admission.request(tunnel, packet, bytes(event.data), sender, standing)
            case RegistrationReply():
                self._registration.reply(tunnel, packet, sender)
            case ResolutionRequest():
                if here is not None:
                    self._responder.answer(tunnel, packet, sender, here.prefix)
            case ResolutionReply():
                if not self._resolver.reply(tunnel, packet, sender):
                    code = ErrorCode.INVALID_RESOLUTION_REPLY
                    self._errors.refuse(tunnel, packet, sender, code, Refusal.UNSOLICITED)
            case PurgeRequest():
                self._purger.request(tunnel, packet, sender)
            case PurgeReply():
                self._purger.reply(tunnel, packet, sender)
            case TrafficIndication():
                addresses = quoted_addresses(packet.packet)
                if addresses is not None:
                    self._resolver.redirected(tunnel, addresses[1])
            case ErrorIndication():
                self._error(tunnel, packet, sender)

    def _error(self, tunnel: Tunnel, packet: ErrorIndication, sender: NbmaPeer) -> None:
        """Take in an Error Indication about a packet of ours."""
        quoted = quoted_request(packet)
        kind = messages.PACKET_NAMES[quoted.kind] if quoted else "packet"
        peer, code = (packet.source_protocol, sender.nbma), packet.error_code
        message = messages.error_received(kind, code, peer)
        self._instance.log(message, about=f"{tunnel.name} {kind}", interval=REFUSAL_LOG_INTERVAL)
        self._instance.debug(
            "nhrp error",
            tunnel,
            lambda: messages.objection_line(tunnel.name, kind, code, peer),
            sender.nbma,
            address=packet.source_protocol,
        )
        if quoted is None:
            return
        said = (packet.source_protocol, Objection(packet.error_code))
        reason = Reason(NhrpReason.OBJECTION, said, self._context.now)
        match quoted.kind:
            case PacketType.REGISTRATION_REQUEST:
                self._registration.failed(tunnel, quoted.request_id, reason)
            case PacketType.RESOLUTION_REQUEST:
                nobody = packet.error_code == ErrorCode.PROTOCOL_ADDRESS_UNREACHABLE
                self._resolver.failed(quoted.request_id, quoted.destination, reason, nobody=nobody)
            case _:
                pass


def _completed(packet: NhrpPacket, outer_source: IPAddress) -> NhrpPacket:
    """Fill in a source NBMA address that was left out, from the outer header: OpenNHRP omits it after a purge.

    A packet that another server passed on came from that server, and the sender of a reply is not its source: then the
    address stays unknown.
    """
    if not packet.without_nbma or isinstance(packet, REPLIES):
        return packet
    record = parts.find(packet.extensions, parts.ForwardTransitRecord)
    if record is not None and record.entries:
        return packet
    return replace(packet, source_nbma=outer_source, without_nbma=False)


#: Classes that may be repeated in a packet.
_MANY = (parts.VendorPrivate, parts.UnknownExtension)


def _repeated(extensions: Extensions) -> int | None:
    """Return the number of the first extension that repeats a class; vendors' and unknown ones may (RFC 2332 §5.3)."""
    kinds = list(map(type, extensions))
    if len(set(kinds)) == len(kinds):
        return None
    return next((at for at, kind in enumerate(kinds) if kind not in _MANY and kind in kinds[:at]), None)
