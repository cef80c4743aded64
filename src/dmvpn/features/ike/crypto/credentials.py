"""With what a router proves who it is: a secret, or a key and the chain of its certificate."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.features.ike.identity import Identification

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class Proof:
    """With what we prove ourselves: a secret, or a key with the chain of its certificate.

    name: the subject of the certificate.
    """

    secret: bytes | None = field(default=None, repr=False)
    key: PrivateKey | None = field(default=None, repr=False)
    chain: tuple[bytes, ...] = ()
    name: Identification | None = None
