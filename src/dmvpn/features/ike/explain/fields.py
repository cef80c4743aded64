"""The fields of a message of IKE that a user opens in the page of a lab."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, words

GROUPS: Final = words(WordKind.LABEL)("""
    ## fields of an IKEv2 message :: the page of a lab [RFC 7296 §3.1] next: debug crypto ikev2 packet
    Initiator SPI :: The number that the initiator chose for the IKE SA.
    Responder SPI :: The number that the responder chose; zero in the first message.
    Exchange Type :: What the pair of messages is for. [RFC 7296 §1.2 and §1.3]
    Header Flags :: Who sent the message, and whether it is a request or a response.
    Message ID :: The number of the exchange: a response has that of its request. [RFC 7296 §2.2]
    Payloads :: The parts of the message, in their order. The contents of SK are encrypted: only the two ends can read
        them. [RFC 7296 §3.2]
    Notifications :: Errors and news that are not encrypted, by their types. [RFC 7296 §3.10]
    Message Length :: The octets of the message, header included.

    ## fields of an IKEv1 message :: the page of a lab [RFC 2408 §3.1] next: debug crypto isakmp
    Initiator Cookie :: The number that the initiator chose for the ISAKMP SA.
    Responder Cookie :: The responder's number for the ISAKMP SA; zero in the first message.
    Mode :: The exchange that the message belongs to. [RFC 2409 §5]
    Phase 2 Identifier :: The number of the quick mode or of the notification; 0 in phase 1.
    Message Length :: The octets of the ISAKMP message, header included.
    Encrypted :: Whether the payloads are encrypted: from message 5 of main mode on they are.
    """)
