"""The fields of a message that a user opens in the page of a lab."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, words

GROUPS: Final = words(WordKind.LABEL)("""
    ## fields of an NHRP message :: the page of a lab [RFC 2332 §5.2.0.1] next: debug nhrp packet
    Hop Count :: How many stations may still forward the packet; each one subtracts 1, and 0 is dropped. [RFC 2332 §5.1]
    Request ID :: The number of the request. The reply repeats it, so both belong together.
    Flags :: Bits for the receiver, by their names in `debug nhrp packet`. [RFC 2332 §5.2]
    Source NBMA Address :: The address in the underlay of the station that made the message; a reply has that of its
        request.
    Source Protocol Address :: The tunnel address of the station that made the message; a reply has that of its request,
        too.
    Destination Protocol Address :: In a request: the wanted address, or the server. In a Traffic Indication: the sender
        of the quoted packet.
    Client Information Entry :: One binding: addresses in the tunnel, the NBMA address that leads there, and for how
        long. A prefix length of 0 or 255 means one address. A code other than 0 is a refusal.
    Error Code :: Why the quoted packet could not be processed. [RFC 2332 §5.2.7]
    Error Offset :: The octet of the quoted packet where the error is. [RFC 2332 §5.2.7]
    Quoted Packet :: The beginning of the packet that the message is about. A redirect quotes a packet of a user.
        [RFC 2332 §5.2.7, draft-detienne-dmvpn-01]
    Traffic Code :: Why a Traffic Indication was sent; redirect is the only reason. [draft-detienne-dmvpn-01]
    Responder Address Extension :: The addresses of the station that made the reply; empty in a request, which asks for
        it so. [RFC 2332 §5.3.1]
    Forward Transit NHS Record Extension :: The servers that forwarded the request. A server that finds itself here has
        detected a loop. [RFC 2332 §5.3.2]
    Reverse Transit NHS Record Extension :: The servers that forwarded the reply. [RFC 2332 §5.3.3]
    Authentication Extension :: The password of `ip nhrp authentication`, in clear on the wire. It is not shown here.
        [RFC 2332 §5.3.4]
    NAT address Extension :: The NBMA addresses as the outside of a translator sees them. [draft-detienne-dmvpn-01]
    Vendor Private Extension :: Additions of a vendor: the group of `ip nhrp group`, or the UDP ports of peers behind
        NAT. [RFC 2332 §5.3.5]
    Unknown Extension :: An extension that this program does not know. [RFC 2332 §5.3]
    Packet Size :: The octets of the NHRP packet, without GRE and IP headers. [RFC 2332 §5.1]
    """)
