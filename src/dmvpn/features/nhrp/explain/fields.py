"""The fields of a message that a user opens in the page of a lab."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import label_group

if TYPE_CHECKING:
    from dmvpn.base.explanations import WordGroup

_FIELDS: Final = label_group(
    "fields of an NHRP message",
    ("the page of a lab",),
    Word(
        "Hop Count",
        "How many stations may still forward the packet; each one subtracts 1, and 0 is dropped.",
        clause="RFC 2332 §5.1",
    ),
    Word("Request ID", "The number of the request. The reply repeats it, so both belong together."),
    Word("Flags", "Bits for the receiver, by their names in `debug nhrp packet`.", clause="RFC 2332 §5.2"),
    Word(
        "Source NBMA Address",
        "The address in the underlay of the station that made the message; a reply has that of its request.",
    ),
    Word(
        "Source Protocol Address",
        "The tunnel address of the station that made the message; a reply has that of its request, too.",
    ),
    Word(
        "Destination Protocol Address",
        "In a request: the wanted address, or the server. In a Traffic Indication: the sender of the quoted packet.",
    ),
    Word(
        "Client Information Entry",
        "One binding: addresses in the tunnel, the NBMA address that leads there, and for how long. A prefix length of "
        "0 or 255 means one address. A code other than 0 is a refusal.",
    ),
    Word("Error Code", "Why the quoted packet could not be processed.", clause="RFC 2332 §5.2.7"),
    Word("Error Offset", "The octet of the quoted packet where the error is.", clause="RFC 2332 §5.2.7"),
    Word(
        "Quoted Packet",
        "The beginning of the packet that the message is about. A redirect quotes a packet of a user.",
        clause="RFC 2332 §5.2.7, draft-detienne-dmvpn-01",
    ),
    Word(
        "Traffic Code",
        "Why a Traffic Indication was sent; redirect is the only reason.",
        clause="draft-detienne-dmvpn-01",
    ),
    Word(
        "Responder Address Extension",
        "The addresses of the station that made the reply; empty in a request, which asks for it so.",
        clause="RFC 2332 §5.3.1",
    ),
    Word(
        "Forward Transit NHS Record Extension",
        "The servers that forwarded the request. A server that finds itself here has detected a loop.",
        clause="RFC 2332 §5.3.2",
    ),
    Word("Reverse Transit NHS Record Extension", "The servers that forwarded the reply.", clause="RFC 2332 §5.3.3"),
    Word(
        "Authentication Extension",
        "The password of `ip nhrp authentication`, in clear on the wire. It is not shown here.",
        clause="RFC 2332 §5.3.4",
    ),
    Word(
        "NAT address Extension",
        "The NBMA addresses as the outside of a translator sees them.",
        clause="draft-detienne-dmvpn-01",
    ),
    Word(
        "Vendor Private Extension",
        "Additions of a vendor: the group of `ip nhrp group`, or the UDP ports of peers behind NAT.",
        clause="RFC 2332 §5.3.5",
    ),
    Word("Unknown Extension", "An extension that this program does not know.", clause="RFC 2332 §5.3"),
    Word("Packet Size", "The octets of the NHRP packet, without GRE and IP headers.", clause="RFC 2332 §5.1"),
    next="debug nhrp packet",
    clause="RFC 2332 §5.2.0.1",
)

GROUPS: Final[tuple[WordGroup, ...]] = (_FIELDS,)
