"""The way of a received NHRP packet: read it, check it, decide whose it is, hand it over.

octets -> parse -> tunnel configured? -> password -> for us?  -> server, responder, registration, resolver, purger
                                                  -> else     -> transit
replies are for who is their *source* (RFC 2332 §5.2.0.1), requests and indications for who is their destination,
or leads to it: a Resolution Request for a host behind us is ours to answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.errors import WireError
from dmvpn.base.reasons import Reason
from dmvpn.features.nhrp import messages
from dmvpn.features.nhrp.counters import Refusal
from dmvpn.features.nhrp.debug import Direction
from dmvpn.features.nhrp.errors import Errors, quoted_request
from dmvpn.features.nhrp.extensions import Authentication, UnknownExtension, find
from dmvpn.features.nhrp.packet import (
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
from dmvpn.features.nhrp.redirect import quoted_addresses
from dmvpn.features.nhrp.replies import unknown_compulsory
from dmvpn.features.nhrp.station import REFUSAL_LOG_INTERVAL, Station
from dmvpn.features.nhrp.transit import REPLIES, Transit
from dmvpn.features.nhrp.ways import Here, Nowhere, Onward, find_way

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.events import NhrpReceived
    from dmvpn.features.nhrp.purge import Purger
    from dmvpn.features.nhrp.registration import Registration
    from dmvpn.features.nhrp.resolver import Resolver
    from dmvpn.features.nhrp.responder import Responder
    from dmvpn.features.nhrp.server import Server
    from dmvpn.features.nhrp.tunnel import Tunnel


class Reception:
    """Takes packets in. It owns nothing; the parts are handed to it."""

    def __init__(
        self,
        station: Station,
        errors: Errors,
        *,
        registration: Registration,
        server: Server,
        resolver: Resolver,
        responder: Responder,
        purger: Purger,
        transit: Transit,
    ) -> None:
        self._station = station
        self._errors = errors
        self._registration = registration
        self._server = server
        self._resolver = resolver
        self._responder = responder
        self._purger = purger
        self._transit = transit

    def receive(self, event: NhrpReceived) -> None:
        """A packet came out of GRE."""
        tunnel = self._station.tunnels.get(event.tunnel)
        if tunnel is None:
            message = messages.NetworkUnconfigured.of(event.tunnel, event.outer_source)
            self._station.log_dmvpn(message, about=event.tunnel, interval=REFUSAL_LOG_INTERVAL)
            return
        if not tunnel.running:
            tunnel.counters.count_refused(Refusal.IGNORED)
            return
        try:
            packet = parse(event.data)
        except WireError as error:
            self._station.refuse(tunnel, Refusal.MALFORMED, event.outer_source, str(error))
            return
        tunnel.counters.count_received(packet.TYPE)
        self._station.show(Direction.RECEIVE, tunnel, event.outer_source, packet, len(event.data))
        if self._is_authentic(tunnel, packet, event.outer_source):
            self._deliver(tunnel, packet, event.outer_source)

    # -------------------------------------------------------------------------------------------- decisions

    def _is_authentic(self, tunnel: Tunnel, packet: NhrpPacket, outer_source: IPAddress) -> bool:
        """The password, if one is configured: it must be there, and the same to the octet."""
        password = tunnel.config.password
        if not password or isinstance(packet, ErrorIndication):
            return True  # errors have no extensions (RFC 2332 §5.2.7)
        received = find(packet.extensions, Authentication)
        if received is not None and received.data == password:
            return True
        code, why = ErrorCode.AUTHENTICATION_FAILURE, Refusal.AUTHENTICATION
        self._errors.refuse(tunnel, packet, outer_source, code, why)
        return False

    def _deliver(self, tunnel: Tunnel, packet: NhrpPacket, outer_source: IPAddress) -> None:
        if isinstance(packet, ErrorIndication) and self._errors.is_own(tunnel, packet):
            tunnel.counters.count_refused(Refusal.LOOP)
            return
        if isinstance(packet, RegistrationRequest) and self._server.is_for_us(tunnel, packet):
            self._take(tunnel, packet, outer_source, None)
            return
        towards = packet.source_protocol if isinstance(packet, REPLIES) else packet.destination_protocol
        match find_way(self._station, tunnel, towards, outer_source):
            case Here() as here:
                self._take(tunnel, packet, outer_source, here)
            case Onward() as onward:
                self._transit.forward(tunnel, packet, outer_source, onward)
            case Nowhere():
                back = self._transit.way_back(tunnel, packet)
                if back is not None and back.nbma != outer_source:
                    self._transit.forward(tunnel, packet, outer_source, back)
                else:
                    self._refuse(tunnel, packet, outer_source)

    def _refuse(self, tunnel: Tunnel, packet: NhrpPacket, outer_source: IPAddress) -> None:
        """There is no way to where the packet wants to go."""
        if isinstance(packet, ResolutionRequest):
            self._responder.refuse(tunnel, packet, outer_source)
        elif isinstance(packet, ErrorIndication | TrafficIndication):
            tunnel.counters.count_refused(Refusal.NO_WAY)
        else:
            code = ErrorCode.PROTOCOL_ADDRESS_UNREACHABLE
            self._errors.refuse(tunnel, packet, outer_source, code, Refusal.NO_WAY)

    def _take(self, tunnel: Tunnel, packet: NhrpPacket, outer_source: IPAddress, here: Here | None) -> None:
        """The packet is for us."""
        unknown = unknown_compulsory(packet.extensions, UnknownExtension)
        if unknown is not None:
            code, why = ErrorCode.UNRECOGNIZED_EXTENSION, Refusal.UNKNOWN_EXTENSION
            self._errors.refuse(tunnel, packet, outer_source, code, why)
            return
        match packet:
            case RegistrationRequest():
                self._server.request(tunnel, packet, outer_source)
            case RegistrationReply():
                self._registration.reply(tunnel, packet, outer_source)
            case ResolutionRequest():
                if here is not None:
                    self._responder.answer(tunnel, packet, outer_source, here.prefix)
            case ResolutionReply():
                self._resolver.reply(tunnel, packet, outer_source)
            case PurgeRequest():
                self._purger.request(tunnel, packet, outer_source)
            case PurgeReply():
                self._purger.reply(tunnel, packet, outer_source)
            case TrafficIndication():
                addresses = quoted_addresses(packet.packet)
                if addresses is not None:
                    self._resolver.redirected(tunnel, addresses[1])
            case ErrorIndication():
                self._error(tunnel, packet)

    def _error(self, tunnel: Tunnel, packet: ErrorIndication) -> None:
        """What somebody could not do with a packet of ours."""
        quoted = quoted_request(packet)
        kind = messages.PACKET_NAMES[quoted[0]] if quoted else "packet"
        message = messages.ErrorReceived.of(kind, packet.error_code)
        self._station.log(message, about=f"{tunnel.name} {kind}", interval=REFUSAL_LOG_INTERVAL)
        if quoted is None:
            return
        what = messages.error_name(packet.error_code)
        reason = Reason(f"{packet.source_protocol} answers: {what}", "", "RFC 2332 §5.2.7", since=self._station.now)
        match quoted:
            case (PacketType.REGISTRATION_REQUEST, request_id):
                self._registration.failed(tunnel, request_id, reason)
            case (PacketType.RESOLUTION_REQUEST, request_id):
                if packet.error_code == ErrorCode.PROTOCOL_ADDRESS_UNREACHABLE:
                    self._resolver.refused(request_id, reason)
