#!/usr/bin/env python3
"""Check keys files against their captures, by RFC 7296 alone and with the standard library alone.

usage: verify.py FOLDER     (every *.keys.json in it, beside CASE.pcap or CASE-NODE.pcap; needs tshark)

SKEYSEED and SK_* are computed again from the shared secret and the nonces of the capture (§2.14; §2.18 for a rekeyed
IKE SA), AUTH from the pre-shared key and the signed octets (§2.15).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypedDict

PRF = {"PRF_HMAC_SHA2_256": "sha256", "PRF_HMAC_SHA2_384": "sha384", "PRF_HMAC_SHA1": "sha1"}
# Octets of an encryption key, with the salt of AES-GCM (RFC 5282 §7.1), and of an integrity key.
ENCRYPTION_KEY = {"AES_CBC_256": 32, "AES_CBC_128": 16, "AES_GCM_16_256": 36, "AES_GCM_16_128": 20}
INTEGRITY_KEY = {"HMAC_SHA2_256_128": 32, "HMAC_SHA1_96": 20}
# The scenarios' key, for AUTH values of nodes whose configuration is not in the keys file.
DEFAULT_PSK = "cisco123reflab"

IKE_SA_INIT, CREATE_CHILD_SA = "34", "36"


class Sa(TypedDict, total=False):
    """An IKE SA of a keys file (see keys.py); every value but the proposal is hex."""

    proposal: str
    dh_shared_secret: str
    skeyseed: str
    spi_i: str
    spi_r: str
    sk_d: str
    sk_ai: str
    sk_ar: str
    sk_ei: str
    sk_er: str
    sk_pi: str
    sk_pr: str


class Auth(TypedDict):
    octets: str
    auth: str


class KeysFile(TypedDict, total=False):
    ike_sas: list[Sa]
    auth_computations: list[Auth]
    psk: str | None
    psk_responder: str
    wireshark_ikev2_decryption_table: list[str]


class Message(NamedTuple):
    """An IKE message with a nonce. The fields are tshark's, as text; proposed_spis: SPIs inside the SA payload."""

    spi_i: str
    spi_r: str
    exchange: str
    message_id: str
    is_response: bool
    nonce: str
    proposed_spis: str


@dataclass(frozen=True, slots=True)
class Algorithms:
    """What a proposal such as AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048 means for the keys."""

    hash_name: str
    encryption_key: int
    integrity_key: int

    @classmethod
    def of(cls, proposal: str) -> Algorithms:
        parts = proposal.split("/")
        return cls(
            next(PRF[part] for part in parts if part in PRF),
            next(ENCRYPTION_KEY[part] for part in parts if part in ENCRYPTION_KEY),
            next((INTEGRITY_KEY[part] for part in parts if part in INTEGRITY_KEY), 0),
        )

    def prf(self, key: bytes, octets: bytes) -> bytes:
        return hmac.digest(key, octets, self.hash_name)

    def prf_plus(self, key: bytes, seed: bytes, size: int) -> bytes:
        """RFC 7296 §2.13."""
        output = block = b""
        number = 0
        while len(output) < size:
            number += 1
            block = self.prf(key, block + seed + bytes([number]))
            output += block
        return output[:size]


class Exchange(NamedTuple):
    """A request and its response that could have made an SA. old: the IKE SA that it rekeys."""

    nonce_i: str
    nonce_r: str
    old: Sa | None


def read_messages(capture: Path, decryption_table: list[str]) -> list[Message]:
    fields = ["ispi", "rspi", "exchangetype", "messageid", "flag_r", "nonce", "spi"]
    command = ["tshark", "-r", str(capture), "-Y", "isakmp.nonce", "-T", "fields"]
    for row in decryption_table:
        command += ["-o", f"uat:ikev2_decryption_table:{row}"]
    for name in fields:
        command += ["-e", f"isakmp.{name}"]
    messages = []
    for line in subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines():
        *header, nonce, spis = line.split("\t")
        # A field that occurs in several payloads comes as a list; the header's own is the first.
        spi_i, spi_r, exchange, message_id, response = (value.split(",")[0] for value in header)
        messages.append(Message(spi_i, spi_r, exchange, message_id, response in ("1", "True"), nonce, spis))
    return messages


def exchanges_for(sa: Sa, messages: list[Message], earlier: dict[str, Sa]) -> list[Exchange]:
    """The exchanges of the capture that could have made `sa`. earlier: IKE SAs before it, by the initiator's SPI."""
    first = [message for message in messages if message.exchange == IKE_SA_INIT and message.spi_i == sa["spi_i"]]
    found = [
        Exchange(request.nonce, response.nonce, None)
        for request in first
        if not request.is_response
        for response in first
        if response.is_response
    ]
    later = [message for message in messages if message.exchange == CREATE_CHILD_SA]
    found += [
        Exchange(one.nonce, other.nonce, earlier.get(one.spi_i))
        for one in later
        if sa["spi_i"] in one.proposed_spis.replace(",", "")
        for other in later
        if (other.spi_i, other.message_id) == (one.spi_i, one.message_id) and other.is_response != one.is_response
    ]
    return found


def keys_fit(sa: Sa, exchange: Exchange) -> bool:
    """True if this exchange leads to the SA's SKEYSEED and to each of its keys."""
    algorithms = Algorithms.of(sa["proposal"])
    secret = bytes.fromhex(sa["dh_shared_secret"])
    nonces = bytes.fromhex(exchange.nonce_i) + bytes.fromhex(exchange.nonce_r)
    if exchange.old is None:
        skeyseed = algorithms.prf(nonces, secret)
    else:
        skeyseed = algorithms.prf(bytes.fromhex(exchange.old["sk_d"]), secret + nonces)
    if skeyseed.hex() != sa["skeyseed"]:
        return False
    # The keys in the order in which prf+ gives them, RFC 7296 §2.14
    prf_key = hashlib.new(algorithms.hash_name).digest_size
    integrity, encryption = algorithms.integrity_key, algorithms.encryption_key
    sizes = {"sk_d": prf_key, "sk_ai": integrity, "sk_ar": integrity, "sk_ei": encryption, "sk_er": encryption}
    sizes = sizes | {"sk_pi": prf_key, "sk_pr": prf_key}
    spis = bytes.fromhex(sa["spi_i"] + sa["spi_r"])
    octets = algorithms.prf_plus(skeyseed, nonces + spis, sum(sizes.values()))
    given: dict[str, object] = {**sa}
    for name, size in sizes.items():
        key, octets = octets[:size], octets[size:]
        if size and key.hex() != given.get(name):
            return False
    return True


def auth_fits(auth: Auth, proposal: str, pre_shared_keys: list[str]) -> bool:
    """True if one of the keys gives this AUTH value over its octets."""
    prf = Algorithms.of(proposal).prf
    octets = bytes.fromhex(auth["octets"])
    return any(prf(prf(key.encode(), b"Key Pad for IKEv2"), octets).hex() == auth["auth"] for key in pre_shared_keys)


def verify(keys_file: Path) -> list[tuple[str, bool]]:
    """Every SA and AUTH value of the file, and whether it is right."""
    keys: KeysFile = json.loads(keys_file.read_text())
    case = keys_file.name.removesuffix(".keys.json")
    alone = keys_file.with_name(f"{case}.pcap")
    nodes = [keys_file.with_name(f"{case}-{node}.pcap") for node in ("spoke1", "hub", "spoke2")]
    messages = [
        message
        for capture in ([alone] if alone.exists() else nodes)
        for message in read_messages(capture, keys["wireshark_ikev2_decryption_table"])
    ]
    results = []
    earlier: dict[str, Sa] = {}
    for sa in keys["ike_sas"]:
        fits = any(keys_fit(sa, exchange) for exchange in exchanges_for(sa, messages, earlier))
        results.append((f"{sa['spi_i']} {sa['proposal']}", fits))
        earlier[sa["spi_i"]] = sa
    pre_shared_keys = [key for key in (keys.get("psk"), keys.get("psk_responder"), DEFAULT_PSK) if key]
    auths = keys.get("auth_computations", [])
    return results + [("AUTH", auth_fits(auth, keys["ike_sas"][0]["proposal"], pre_shared_keys)) for auth in auths]


def main() -> int:
    bad = good = 0
    for keys_file in sorted(Path(sys.argv[1]).glob("*.keys.json")):
        for what, fits in verify(keys_file):
            print("ok  " if fits else "FAIL", keys_file.name, what)
            good += fits
            bad += not fits
    print(f"{good} ok {bad} bad")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
