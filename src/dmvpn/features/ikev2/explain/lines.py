"""Lines of IKE: log messages, debugs."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import answer_group, debug_group, log, log_group
from dmvpn.features.ikev2 import messages

_LOGS = log_group(
    "IKE",
    log(
        messages.IsakmpOnOff,
        "CRYPTO-6-ISAKMP_ON_OFF",
        "At the first `tunnel protection`, and when the last is taken away.",
        next="show crypto sockets",
    ),
    log(
        messages.SessionStatus,
        "CRYPTO-5-IKEV2_SESSION_STATUS",
        "At each end of a session's life.",
        next="show crypto session",
    ),
    log(
        messages.NegotiationAborted,
        "IKEV2-3-NEG_ABORT",
        "On the end that refused, or that was refused. Read the log of both: one of them knows.",
        next="show crypto ikev2 proposal, show crypto ikev2 profile",
        clause="RFC 7296 §2.21",
    ),
    log(
        messages.NotAsWritten,
        "CRYPTO-4-IKE_CONFIG",
        "When the configuration is read.",
        next="show running-config",
    ),
    log(messages.KeysTold, "CRYPTO-4-KEYS_WRITTEN", "In labs, with `dmvpn lab capture --keys`.", next="show logging"),
)

_DEBUGS = debug_group(
    "debug crypto ikev2",
    Word(
        "IKEv2:(SESSION ID = <number>,SA ID = <number>):Session with IKE ID <identity> authenticated, <algorithms>",
        "The peer's proof was good; the algorithms that both agreed on follow.",
        clause="RFC 7296 §1.2",
    ),
    Word(
        "IKEv2:(SESSION ID = <number>,SA ID = <number>):IKE SA rekeyed",
        "A new IKE SA took the place of one whose lifetime ends; child SAs moved over to it.",
        clause="RFC 7296 §2.8",
    ),
    Word(
        "IKEv2:(SESSION ID = <number>,SA ID = <number>):Deleting SA: <reason>",
        "The IKE SA ends, and all its IPsec SAs with it.",
        clause="RFC 7296 §1.4.1",
    ),
    Word(
        "IKEv2:(SESSION ID = <number>,SA ID = <number>):IPSec SA created: in <spi>, out <spi>",
        "A pair of IPsec SAs was agreed on; these are the SPIs of both directions.",
        next="show crypto ipsec sa",
        clause="RFC 7296 §1.3.1",
    ),
    Word(
        "IKEv2:(SESSION ID = <number>,SA ID = <number>):IPSec SA <spi> deleted: <reason>",
        "A pair of IPsec SAs ends; the IKE SA stays.",
        next="show crypto ipsec sa",
        clause="RFC 7296 §1.4.1",
    ),
    Word(
        "IKEv2:(SESSION ID = <number>,SA ID = <number>):Peer moved from <address:port> to <address:port>",
        "The peer's packets come from another address: its translator gave it a new one. We follow.",
        clause="RFC 7296 §2.23",
    ),
    Word(
        "IKEv2:(SESSION ID = <number>,SA ID = <number>):<what>",
        "Something went wrong in this SA; the text says what.",
        next="show logging",
    ),
    Word(
        "IKEv2:<address:port>: <why>",
        "A message of a stranger, or of a peer that may not begin, was turned away (`debug crypto ikev2 error`).",
        next="show crypto ikev2 stats",
    ),
    next="show crypto ikev2 sa detailed",
)

_ANSWERS = answer_group(
    "IKE",
    Word(
        "% There is a local authentication method already; take it back first",
        "A profile proves itself in one way: say `no authentication local ...` before another one.",
    ),
    Word(
        "%Warning: kept, and not acted upon: <why>",
        "The line is legal and has no effect in this router; it is shown back as it was written.",
    ),
    Word(
        "% Invalid hex key: pairs of hexadecimal digits are expected",
        "A key with `hex` was given that is no string of octets.",
    ),
    Word(
        "%Warning: kept; a key of type <number> can be read by the router that wrote it only, so tunnels that need it "
        "stay down; enter the key in clear",
        "Type 6 keys are sealed with a secret of the router that made them, so a copy is worthless.",
    ),
    next="show crypto ikev2 profile",
)

GROUPS: Final = (_ANSWERS, _LOGS, _DEBUGS)
