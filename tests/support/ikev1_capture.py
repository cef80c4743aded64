"""A capture of IKEv1 with its keys file, read as a third party who knows the Diffie-Hellman secrets would read it.

From the secrets everything else follows: SKEYID and its children, IVs, the payloads of encrypted messages, hashes, the
keys of ESP.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from dmvpn.features.ike.crypto import PrfAlgorithm
from dmvpn.features.ike.crypto.material import Nonces
from dmvpn.features.ike.v1.keys import Channel, IkeKeys, first_iv, ike_keys, skeyid_of_secret, skeyid_of_signatures
from dmvpn.features.ike.v1.numbers import ExchangeType
from dmvpn.features.ike.v1.packet import Chain, KeyExchange, Message, Nonce, SecurityAssociation
from support.ike_capture import datagrams
from support.pcap import CAPTURES

PRFS = {"SHA1": PrfAlgorithm.SHA1, "SHA2_256": PrfAlgorithm.SHA256}


@dataclass(slots=True)
class Read:
    """A message: what it was on the wire, and what is inside (None: encrypted, and its key is not known)."""

    octets: bytes
    message: Message
    inside: Chain | None


@dataclass(slots=True)
class Sa:
    """An ISAKMP SA of the capture. messages: in order, without repetitions. keys: None: not known here."""

    cookies: bytes
    secret: dict[str, Any] | None
    messages: list[Read] = field(default_factory=list)
    keys: IkeKeys | None = None
    channel: Channel | None = None
    iv: bytes = b""

    def main(self, number: int) -> Chain:
        """Return the payloads of a message of main mode, from 1."""
        inside = [read.inside for read in self.messages if read.message.header.exchange == ExchangeType.MAIN]
        chain = inside[number - 1]
        assert chain is not None
        return chain

    def exchange(self, message_id: int) -> list[Chain]:
        """Return the payloads of the messages of a later exchange."""
        found = [read.inside for read in self.messages if read.message.header.message_id == message_id]
        return [chain for chain in found if chain is not None]

    @property
    def publics(self) -> tuple[bytes, bytes]:
        """g^xi and g^xr."""
        first, second = self.main(3).find(KeyExchange), self.main(4).find(KeyExchange)
        assert first
        assert second
        return first.data, second.data

    @property
    def nonces(self) -> Nonces:
        """Those of main mode."""
        return nonces_of(self.main(3), self.main(4))


def nonces_of(first: Chain, second: Chain) -> Nonces:
    """Return both nonces of an exchange."""
    ours, theirs = first.find(Nonce), second.find(Nonce)
    assert ours
    assert theirs
    return Nonces(ours.data, theirs.data)


class Capture:
    """A whole capture. run: the keys file; sas: by CKY-I | CKY-R; messages: all of them, in order."""

    def __init__(self, name: str) -> None:
        self.run: dict[str, Any] = json.loads((CAPTURES / f"{name.removesuffix('-inside')}.keys.json").read_text())
        self.sas: dict[bytes, Sa] = {}
        #: The first message of main mode, by CKY-I: CKY-R is not known yet.
        self._first: dict[bytes, Read] = {}
        self._seen: set[bytes] = set()
        self.messages = [self._read(octets) for _, octets in datagrams(name) if len(octets) > 1]

    def _read(self, octets: bytes) -> Read:
        message = Message.parse(octets)
        header = message.header
        read = Read(octets, message, message if message.sealed is None else None)
        if octets in self._seen:
            return read
        self._seen.add(octets)
        if not any(header.cookie_r):
            self._first[header.cookie_i] = read
            return read
        sa = self.sas.get(header.cookies)
        if sa is None:
            found = (
                sa for sa in self.run["ike_sas"] if bytes.fromhex(sa["cookie_i"] + sa["cookie_r"]) == header.cookies
            )
            secret = next(found, None)
            known = (
                secret is not None and "node" not in secret and secret["cipher"] == "AES_CBC" and secret["hash"] in PRFS
            )
            sa = self.sas[header.cookies] = Sa(header.cookies, secret if known else None)
            sa.messages += [self._first[header.cookie_i]] if header.cookie_i in self._first else []
        if message.sealed is not None and sa.channel is not None:
            read.inside = sa.channel.open(message)
            sa.channel.accept(message)
        sa.messages.append(read)
        if (
            sa.channel is None
            and message.find(KeyExchange)
            and message.find(KeyExchange) is not sa.main(3).find(KeyExchange)
        ):
            self._learn(sa)
        return read

    def _learn(self, sa: Sa) -> None:
        """Derive the keys of an ISAKMP SA, now that both public values are here."""
        if sa.secret is None:
            return
        prf, shared = PRFS[sa.secret["hash"]], bytes.fromhex(sa.secret["dh_shared_secret"])
        secret = self.run.get("psk")
        if secret is None:
            skeyid = skeyid_of_signatures(prf, shared, sa.nonces)
        else:
            skeyid = skeyid_of_secret(prf, secret.encode(), sa.nonces)
        sa.keys = ike_keys(prf, skeyid, shared, sa.cookies, sa.secret["key_length"] // 8)
        sa.iv = first_iv(prf, *sa.publics)
        sa.channel = Channel(sa.keys, sa.iv)


def names() -> list[str]:
    """Return all captures of IKEv1."""
    return sorted(path.stem for path in CAPTURES.glob("ikev1-*.pcap"))


def opened(capture: Capture) -> list[Sa]:
    """Return the SAs whose keys are known, of which all messages were opened."""
    return [sa for sa in capture.sas.values() if sa.keys is not None]


def offers(chain: Chain) -> SecurityAssociation:
    """Return the SA payload of a message that must have one."""
    sa = chain.find(SecurityAssociation)
    assert sa
    return sa
