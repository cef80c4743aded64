"""Messages of IKEv1 as peers send them, one of each kind, to begin with where octets are changed."""

from __future__ import annotations

from typing import Final

from dmvpn.features.ike.numbers import Encr, Group, Integ, Prf
from dmvpn.features.ike.suites import Suite
from dmvpn.features.ike.v1.numbers import ExchangeType, Flag, NotifyType, PayloadType, Vendor
from dmvpn.features.ike.v1.offers import Lifetime, esp_wanted, ike_wanted
from dmvpn.features.ike.v1.packet import (
    Certificate,
    CertificateRequest,
    Delete,
    Fragment,
    Hash,
    Header,
    IdentificationPayload,
    KeyExchange,
    Message,
    NatDetection,
    Nonce,
    Notify,
    OriginalAddress,
    Sealed,
    SecurityAssociation,
    Signature,
    VendorId,
)
from dmvpn.features.ike.v1.proposals import Attribute, Proposal, Transform

COOKIE_I, COOKIE_R = bytes.fromhex("0102030405060708"), bytes.fromhex("1112131415161718")
_MAIN = Header(cookie_i=COOKIE_I, cookie_r=COOKIE_R, exchange=ExchangeType.MAIN)
_OF_IKE = tuple(Attribute.of(kind, value) for kind, value in ((1, 7), (14, 128), (2, 2), (4, 2), (3, 1), (11, 1)))
_OF_ESP = tuple(
    Attribute.of(kind, value) for kind, value in ((4, 2), (1, 1), (2, 3600), (1, 2), (2, 4_608_000), (5, 2))
)
_IKE = Proposal(1, 1, b"", tuple(Transform(number, 1, (*_OF_IKE, Attribute.of(12, 86_400))) for number in (1, 2)))
_ESP = tuple(Proposal(number, 3, b"\xc0\xde\x00\x01", (Transform(1, 12, _OF_ESP),)) for number in (1, 2))
_GRE = IdentificationPayload(1, bytes((192, 0, 2, 1)), 47, 0)

#: Main mode, quick mode as it is when it is decrypted, informational exchanges, a fragment and an encrypted message.
SAMPLES: Final = (
    Message((SecurityAssociation((_IKE,)), VendorId(Vendor.NAT_T.value), VendorId(Vendor.DPD.value)), header=_MAIN),
    Message(
        (KeyExchange(bytes(128)), Nonce(bytes(20)), NatDetection(bytes(20)), NatDetection(bytes(20))), header=_MAIN
    ),
    Message((IdentificationPayload(2, b"hub.example", 17, 500), Hash(bytes(20))), header=_MAIN),
    Message((Certificate(4, b"certificate"), CertificateRequest(4, b""), Signature(bytes(64))), header=_MAIN),
    Message((Hash(bytes(20)), SecurityAssociation(_ESP), Nonce(bytes(20)), _GRE, _GRE), header=_MAIN),
    Message(
        (Hash(bytes(20)), OriginalAddress(1, bytes((10, 0, 0, 1))), Delete(3, (b"\xc0\xde\x00\x01",))), header=_MAIN
    ),
    Message((Hash(bytes(20)), Notify(NotifyType.R_U_THERE, bytes(4), 1, COOKIE_I + COOKIE_R)), header=_MAIN),
    Message((Fragment(1, 1, 0, bytes(32)),), header=_MAIN),
    Message(
        header=Header(
            cookie_i=COOKIE_I, cookie_r=COOKIE_R, exchange=ExchangeType.QUICK, flags=Flag.ENCRYPTION, message_id=77
        ),
        sealed=Sealed(PayloadType.HASH, bytes(64)),
    ),
)

#: What a router wants of such messages: AES-128 and SHA, for both kinds of SAs.
WANTED: Final = (
    ike_wanted(((Suite(Encr.AES_CBC, 128, Prf.HMAC_SHA1, Integ.HMAC_SHA1_96, Group.MODP_2048), 86_400, 1),)),
    esp_wanted((Suite(Encr.AES_CBC, 128, 0, Integ.HMAC_SHA1_96),), (2,), Lifetime(3600)),
)
