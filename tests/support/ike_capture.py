"""An IKE capture with its keys file, read as a third party who knows the Diffie-Hellman secrets would read it.

From the secrets alone everything else follows: SKEYSEED, SK_*, what is inside the SK payloads, AUTH, the keys of ESP.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dmvpn.features.ike.crypto import PRFS, Cipher, Opener, PrfAlgorithm, cipher_of
from dmvpn.features.ike.crypto.material import Nonces
from dmvpn.features.ike.numbers import ProtocolId, TransformType
from dmvpn.features.ike.v2.channel import Fragments, IkeKeys, first_seed, ike_keys, open_message, rekeyed_seed
from dmvpn.features.ike.v2.numbers import ExchangeType
from dmvpn.features.ike.v2.packet import Chain, EncryptedFragment, Message, Nonce, SecurityAssociation
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from support.pcap import CAPTURES, frames, network_layer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.ike.v2.packet import Header
    from dmvpn.features.ike.v2.proposals import Proposal

_IKE_PORT, _NAT_PORT = 500, 4500
_IPV4 = 0x0800


@dataclass(slots=True)
class Sa:
    """One IKE SA of the capture."""

    keys: IkeKeys
    seed: bytes
    prf: PrfAlgorithm
    cipher: Cipher
    proposal: Proposal
    nonces: Nonces

    def opener(self, *, from_initiator: bool) -> Opener:
        """Opens what one side sent."""
        keys = self.keys
        chosen = (keys.ei, keys.ai) if from_initiator else (keys.er, keys.ar)
        return self.cipher.opener(*chosen)


@dataclass(slots=True)
class Read:
    """A message: what it was on the wire, and what is inside (None: a fragment that does not complete its message)."""

    number: int
    octets: bytes
    message: Message
    inside: Chain | None


class Capture:
    """A whole capture. run: the keys file; sas: by SPIi | SPIr; messages: in order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.run: dict[str, Any] = json.loads((CAPTURES / f"{name.removesuffix('-inside')}.keys.json").read_text())
        self.sas: dict[bytes, Sa] = {}
        self._requests: dict[bytes, Chain] = {}
        self._fragments: dict[tuple[bytes, int, bool], Fragments] = {}
        self.messages = [self._read(number, octets) for number, octets in datagrams(name)]

    def secret(self, spis: bytes) -> dict[str, str] | None:
        """Return what the keys file says of an IKE SA."""
        found = (sa for sa in self.run["ike_sas"] if bytes.fromhex(sa["spi_i"] + sa["spi_r"]) == spis)
        return next(found, None)

    def _read(self, number: int, octets: bytes) -> Read:
        message = Message.parse(octets)
        header = message.header
        if header.exchange == ExchangeType.IKE_SA_INIT:
            self._init(message)
            return Read(number, octets, message, message)
        sa = self.sas[header.spi_i + header.spi_r]
        opener = sa.opener(from_initiator=header.from_initiator)
        if message.find(EncryptedFragment):
            key = (header.spi_i, header.message_id, header.is_response)
            inside = self._fragments.setdefault(key, Fragments()).add(message, octets, opener)
        else:
            inside = open_message(message, octets, opener)
        if inside is not None and header.exchange == ExchangeType.CREATE_CHILD_SA:
            self._rekey(sa, message.header, inside)
        return Read(number, octets, message, inside)

    def _init(self, message: Message) -> None:
        header = message.header
        if not header.is_response:
            self._requests[header.spi_i] = message
        elif message.find(SecurityAssociation):
            nonces = nonces_of(self._requests[header.spi_i], message)
            self._learn(message, nonces, header.spi_i + header.spi_r, None)

    def _rekey(self, old: Sa, header: Header, inside: Chain) -> None:
        """CREATE_CHILD_SA: does it make a new IKE SA?"""
        exchange = header.spi_i + header.message_id.to_bytes(4, "big")
        if not header.is_response:
            self._requests[exchange] = inside
            return
        offer, choice = self._requests[exchange].find(SecurityAssociation), inside.find(SecurityAssociation)
        if offer and choice and choice.proposals[0].protocol == ProtocolId.IKE:
            spis = offer.proposals[0].spi + choice.proposals[0].spi
            self._learn(inside, nonces_of(self._requests[exchange], inside), spis, old)

    def _learn(self, answer: Chain, nonces: Nonces, spis: bytes, old: Sa | None) -> None:
        secret, chosen = self.secret(spis), answer.find(SecurityAssociation)
        if secret is None or chosen is None:
            return
        (proposal,) = chosen.proposals
        named = {transform.type: transform for transform in proposal.transforms}
        encr, integ = named[TransformType.ENCR], named.get(TransformType.INTEG)
        cipher = cipher_of(encr.id, encr.key_length, integ.id if integ else 0)
        assert cipher is not None, proposal
        prf, shared = PRFS[named[TransformType.PRF].id], bytes.fromhex(secret["dh_shared_secret"])
        seed = first_seed(prf, nonces, shared) if old is None else rekeyed_seed(old.prf, old.keys.d, nonces, shared)
        self.sas[spis] = Sa(ike_keys(prf, cipher, seed, nonces, spis), seed, prf, cipher, proposal, nonces)


def nonces_of(request: Chain, response: Chain) -> Nonces:
    """Return both nonces of an exchange."""
    ours, theirs = request.find(Nonce), response.find(Nonce)
    assert ours is not None
    assert theirs is not None
    return Nonces(ours.data, theirs.data)


def names() -> list[str]:
    """Return all IKE captures."""
    return sorted(path.stem for path in CAPTURES.glob("ike-*.pcap"))


def datagrams(name: str) -> Iterator[tuple[int, bytes]]:
    """Number and IKE message (without non-ESP marker) of every packet that carries one."""
    for number, frame in enumerate(frames(CAPTURES / f"{name}.pcap"), 1):
        layer = network_layer(*frame)
        if layer is None or layer[0] != _IPV4:
            continue
        packet = Ipv4Packet.parse(layer[1])
        if packet.protocol != IpProtocol.UDP or packet.is_fragment:
            continue
        ports = {int.from_bytes(packet.payload[:2], "big"), int.from_bytes(packet.payload[2:4], "big")}
        payload = packet.payload[8:]
        if _IKE_PORT in ports:
            yield number, payload
        elif _NAT_PORT in ports and payload[:4] == bytes(4):
            yield number, payload[4:]
