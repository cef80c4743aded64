"""What `debug crypto isakmp` prints: steps of main mode and quick mode, offers, and what became of them."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import WordGroup, debug_group

_DEBUGS = debug_group(
    "debug crypto isakmp",
    Word(
        "ISAKMP:(<number>): sending packet to <address> my_port <port> peer_port <port> <state>",
        "A message goes. First the number of the ISAKMP SA, 0 until the peer has proved itself; (I): this end began; "
        "(R): the peer did; then the state of `show crypto isakmp sa`.",
        clause="RFC 2408 §3.1",
    ),
    Word(
        "ISAKMP (<number>): received packet from <address> dport <port> sport <port> <state>",
        "A message came. (N) NEW SA: it belongs to no ISAKMP SA yet.",
        clause="RFC 2408 §3.1",
    ),
    Word(
        "ISAKMP:(<number>):Input = <cause>, <event>",
        "Why the next step is taken: a message of the peer (FROM_PEER), a packet that needs protection (FROM_IPSEC), "
        "or this router's own doing (INTERNAL).",
    ),
    Word(
        "ISAKMP:(<number>):Node <number>, Input = <cause>, <event>",
        "The same in quick mode; the node is its message ID.",
        clause="RFC 2409 §5.5",
    ),
    Word(
        "ISAKMP:(<number>):Old State = <state>  New State = <state>",
        "A step: IKE_I_MM1 to 6 are the messages of main mode at the end that began, IKE_R_MM1 to 5 those at the "
        "other; IKE_QM_... is quick mode.",
        clause="RFC 2409 §5.4",
    ),
    Word("ISAKMP:(<number>): beginning Main Mode exchange", "This end begins phase 1.", clause="RFC 2409 §5.4"),
    Word(
        "ISAKMP:(<number>):beginning Quick Mode exchange, M-ID of <number>",
        "This end asks for a pair of IPsec SAs.",
        clause="RFC 2409 §5.5",
    ),
    Word("ISAKMP:(<number>):QM Initiator gets spi", "This end has drawn the SPI of its new inbound SA."),
    Word(
        "ISAKMP:(<number>): retransmitting phase <number> <state>",
        "The peer has not answered, or has repeated its own message; the last message goes again.",
        clause="RFC 2408 §5.1",
    ),
    Word(
        "ISAKMP:(<number>): phase <number> packet is a duplicate of a previous packet.",
        "The peer's last message came again: the answer to it was lost, or is late.",
        clause="RFC 2408 §5.1",
    ),
    Word(
        "ISAKMP:(<number>): processing <payload> payload. message ID = <number>",
        "A part of the message that came; the message ID is 0 in main mode.",
        clause="RFC 2408 §3.2",
    ),
    Word(
        "ISAKMP:(<number>): processing vendor id payload",
        "The peer names its program, or something that it can do; the next line says what.",
        clause="RFC 2408 §3.16",
    ),
    Word("ISAKMP:(<number>): vendor ID is <name>", "An ability of the peer.", clause="RFC 2408 §3.16"),
    Word(
        "ISAKMP:(<number>): processing NOTIFY <name> protocol <number>, message ID = <number>",
        "The peer says something about an SA: an error, or that it lives (R_U_THERE).",
        clause="RFC 2408 §3.14",
    ),
    Word(
        "ISAKMP:(<number>): processing DELETE payload. message ID = <number>: <number> <kind>",
        "The peer has deleted so many SAs.",
        clause="RFC 2408 §3.15",
    ),
    Word(
        "ISAKMP:(<number>):Notify has no hash. Rejected.",
        "A notification in clear, which an attacker may have sent: nothing follows from it.",
        next="show logging",
        clause="RFC 2409 §5.7",
    ),
    Word(
        "ISAKMP:(<number>):found peer pre-shared key matching <address>",
        "There is a key for the peer's address.",
        next="show crypto isakmp key",
    ),
    Word("ISAKMP:(<number>): local preshared key found", "The same key proves this end."),
    Word(
        "ISAKMP:(<number>):No pre-shared key with <address>!",
        "No `crypto isakmp key` is for the peer's address: main mode ends here.",
        next="show crypto isakmp key",
    ),
    Word(
        "ISAKMP:(<number>):Checking ISAKMP transform <number> against priority <number> policy",
        "A suite of algorithms that the peer offers, or has chosen, is compared with a `crypto isakmp policy`; its "
        "attributes follow.",
        next="show crypto isakmp policy",
        clause="RFC 2409 §5",
    ),
    Word("ISAKMP:      encryption <cipher>", "The cipher of the transform.", clause="RFC 2409 appendix A"),
    Word("ISAKMP:      keylength of <number>", "Bits of the cipher's key, for AES."),
    Word("ISAKMP:      hash <name>", "The hash of the transform.", clause="RFC 2409 appendix A"),
    Word("ISAKMP:      default group <number>", "The Diffie-Hellman group.", clause="RFC 2409 §6"),
    Word("ISAKMP:      auth <method>", "By which method both ends prove themselves.", clause="RFC 2409 appendix A"),
    Word("ISAKMP:      life type in <unit>", "The unit of the lifetime of the ISAKMP SA, which follows."),
    Word("ISAKMP:      life duration <number>", "How long the ISAKMP SA may live; VPI: in octets, the highest first."),
    Word("ISAKMP:      attribute <number> is <number>", "An attribute for which this router has no name."),
    Word(
        "ISAKMP:(<number>):atts are acceptable. Next payload is <number>",
        "The transform fits the policy, and is taken.",
    ),
    Word(
        "ISAKMP:(<number>):atts are not acceptable. Next payload is <number>",
        "The transform does not fit; the line before says why. 3: another transform follows, 0: none.",
        next="show crypto isakmp policy",
    ),
    Word(
        "ISAKMP:(<number>):<algorithm> offered does not match policy!",
        "Why a transform does not fit.",
        next="show crypto isakmp policy",
        also=(
            "ISAKMP:(<number>):Proposed key length does not match policy",
            "ISAKMP:(<number>):Attributes offered are not known!",
        ),
    ),
    Word(
        "ISAKMP:(<number>):no offers accepted!",
        "No transform of the peer fits any policy: main mode ends here.",
        next="show crypto isakmp policy",
    ),
    Word(
        "ISAKMP (<number>): NAT found, both nodes inside NAT",
        "Both addresses are translated on the way: UDP port 4500 is used.",
        clause="RFC 3947 §3.2",
    ),
    Word(
        "ISAKMP (<number>): NAT found, node inside NAT",
        "Our address is translated on the way: UDP port 4500 is used.",
        clause="RFC 3947 §3.2",
    ),
    Word(
        "ISAKMP (<number>): His hash no match - this node outside NAT",
        "The peer's address is translated on the way: UDP port 4500 is used.",
        clause="RFC 3947 §3.2",
    ),
    Word(
        "ISAKMP (<number>): No NAT Found for self or peer",
        "Both addresses came as they were sent.",
        clause="RFC 3947 §3.2",
    ),
    Word(
        "ISAKMP:(<number>):Checking IPSec proposal <number>",
        "A proposal of quick mode is compared with the IPsec profile; its transforms follow.",
        next="show crypto ipsec profile",
        clause="RFC 2407 §4.5",
    ),
    Word("ISAKMP: transform <number>, <cipher>", "A suite for ESP: its cipher."),
    Word("ISAKMP:   attributes in transform:", "The attributes of the transform follow."),
    Word(
        "ISAKMP:      encaps is <number> (<mode>)",
        "Tunnel or transport mode, in UDP or not; both ends must have the same.",
        next="show crypto ipsec transform-set",
        clause="RFC 3947 §5.1",
    ),
    Word("ISAKMP:      SA life type in <unit>", "The unit of the lifetime of the pair, which follows."),
    Word("ISAKMP:      SA life duration <number>", "How long the pair may live; VPI: in octets, the highest first."),
    Word("ISAKMP:      authenticator is <name>", "The check value of ESP.", clause="RFC 2407 §4.5"),
    Word("ISAKMP:      key length is <number>", "The size of the cipher's key, for AES."),
    Word("ISAKMP:      group is <number>", "The Diffie-Hellman group of perfect forward secrecy."),
    Word("ISAKMP:(<number>):atts are acceptable.", "The transform fits the IPsec profile."),
    Word(
        "ISAKMP:(<number>):atts are not acceptable.",
        "The transform does not fit the IPsec profile: cipher, check value, mode or group.",
        next="show crypto ipsec transform-set",
    ),
    Word(
        "ISAKMP:(<number>):SA authentication status: authenticated",
        "The peer's proof was good.",
        clause="RFC 2409 §5.4",
    ),
    Word(
        "ISAKMP:(<number>):SA has been authenticated with <address>",
        "Main mode is over: phase 1 is up.",
        clause="RFC 2409 §5.4",
    ),
    Word(
        "ISAKMP:(<number>):Session with IKE ID <identity> authenticated, <algorithms>",
        "The identity that the peer proved, and the algorithms that both agreed on.",
        clause="RFC 2409 §5.4",
    ),
    Word(
        "ISAKMP:(<number>):IKE SA rekeyed: the IPSec SAs of <number> move to it",
        "A new ISAKMP SA took the place of one whose lifetime ends.",
        clause="RFC 2408 §4.6",
    ),
    Word(
        'ISAKMP:(<number>):deleting SA reason "<reason>" state <state> (peer <address>)',
        "The ISAKMP SA ends; its IPsec SAs end with it, or another ISAKMP SA has them.",
        clause="RFC 2408 §3.15",
    ),
    Word(
        "ISAKMP:(<number>): Creating IPSec SAs",
        "Quick mode is over: a pair of IPsec SAs; their addresses, SPIs and lifetimes follow.",
        next="show crypto ipsec sa",
        clause="RFC 2409 §5.5",
    ),
    Word(
        "inbound SA from <address> to <address>, has spi <spi>",
        "The SA for what comes.",
        next="show crypto ipsec sa",
    ),
    Word(
        "outbound SA from <address> to <address>, has spi <spi>",
        "The SA for what goes.",
        next="show crypto ipsec sa",
    ),
    Word("lifetime of <number> seconds", "How long the pair may live.", next="show crypto ipsec sa"),
    Word("lifetime of <number> kilobytes", "How much the pair may carry.", next="show crypto ipsec sa"),
    Word(
        "ISAKMP: <name> exchange, message ID = <number>",
        "An exchange that belongs to no ISAKMP SA, or that this router does not speak.",
        clause="RFC 2408 §3.1",
    ),
    Word(
        "ISAKMP: a message from <address:port> cannot be read: <error>",
        "It is no message of IKEv1, and is dropped.",
        clause="RFC 2408 §5.1",
    ),
    Word(
        "ISAKMP:(<number>):IPSec SA <spi> deleted: <reason>",
        "A pair of IPsec SAs ends; the ISAKMP SA stays.",
        next="show crypto ipsec sa",
        clause="RFC 2408 §3.15",
    ),
    Word(
        "ISAKMP:(<number>):Peer moved from <address:port> to <address:port>",
        "The peer's packets come from another address or port: its translator gave it a new one. We follow.",
        clause="RFC 3947 §4",
    ),
    Word(
        "ISAKMP:(<number>):<what>",
        "Something went wrong in this ISAKMP SA; the text says what.",
        next="show logging",
    ),
    Word(
        "ISAKMP:<address:port>: <why>",
        "A message of a stranger, or of a peer that may not begin, was turned away.",
        next="show logging",
    ),
    next="show crypto isakmp sa",
)

GROUPS: Final[tuple[WordGroup, ...]] = (_DEBUGS,)
