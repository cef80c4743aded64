#!/usr/bin/env python3
"""Collect the keys of one IKE case into JSON, so that its capture can be decrypted and its key derivation checked.

usage: keys.py OUTDIR CASE [NODE...] > CASE.keys.json

IKE keys come from strongSwan's log at level 4 (CASE.NODE.charon.log, by default of spoke1), ESP keys from the
snapshots of `ip xfrm state` (CASE.xfrm.txt), the pre-shared key from the saved swanctl configuration.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

Json = dict[str, "Json"] | list["Json"] | str | int | None

SECRETS = ("sk_d", "sk_ai", "sk_ar", "sk_ei", "sk_er", "sk_pi", "sk_pr")
WIRESHARK_ENCRYPTION = {
    "AES_CBC_256": "AES-CBC-256 [RFC3602]",
    "AES_CBC_128": "AES-CBC-128 [RFC3602]",
    "AES_GCM_16_256": "AES-GCM-256 with 16 octet ICV [RFC5282]",
    "AES_GCM_16_128": "AES-GCM-128 with 16 octet ICV [RFC5282]",
}
WIRESHARK_INTEGRITY = {
    "HMAC_SHA2_256_128": "HMAC_SHA2_256_128 [RFC4868]",
    "HMAC_SHA2_384_192": "HMAC_SHA2_384_192 [RFC4868]",
    "HMAC_SHA1_96": "HMAC_SHA1_96 [RFC2404]",
}


@dataclass(slots=True)
class IkeSa:
    """One IKE SA as the log shows it being made. All values are hex."""

    proposal: str | None
    dh_shared_secret: str | None
    skeyseed: str
    spis: tuple[str, str] | None = None
    secrets: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Json]:
        known: dict[str, Json] = {
            "proposal": self.proposal,
            "dh_shared_secret": self.dh_shared_secret,
            "skeyseed": self.skeyseed,
        }
        if self.spis:
            known["spi_i"], known["spi_r"] = self.spis
        return known | self.secrets

    def wireshark_row(self) -> str | None:
        """The row of Wireshark's IKEv2 decryption table, or None where something is missing."""
        parts = (self.proposal or "").split("/")
        encryption = next((WIRESHARK_ENCRYPTION[part] for part in parts if part in WIRESHARK_ENCRYPTION), None)
        integrity = next((WIRESHARK_INTEGRITY[part] for part in parts if part in WIRESHARK_INTEGRITY), "NONE [RFC4306]")
        if encryption is None or self.spis is None or "sk_ei" not in self.secrets:
            return None
        sk = self.secrets
        keys = [*self.spis, sk["sk_ei"], sk["sk_er"], f'"{encryption}"']
        return ",".join([*keys, sk.get("sk_ai", ""), sk.get("sk_ar", ""), f'"{integrity}"'])


@dataclass(frozen=True, slots=True)
class SpiPair:
    """A line of the log that names both SPIs: where it is, and the thread that wrote it."""

    line: int
    thread: str
    spis: tuple[str, str]


def hex_dump(lines: list[str], start: int) -> str:
    """The octets of the dump that follows the line `start`, which says how many there are ("... => 32 bytes @ ...")."""
    size = re.search(r"=> (\d+) bytes", lines[start])
    if size is None:
        raise ValueError(f"no dump announced in line {start + 1}")
    digits = 2 * int(size[1])
    text = ""
    for line in lines[start + 1 :]:
        row = re.match(r"\d+\[\w+\]\s+\d+: ((?:[0-9A-F]{2} ?){1,16})", line)
        if row is None or len(text) >= digits:
            break
        text += row[1].replace(" ", "")
    return text[:digits].lower()


def find_spis(pairs: list[SpiPair], line: int, thread: str, used: set[tuple[str, str]]) -> tuple[str, str] | None:
    """The SPIs of the SA whose keys are derived at `line`: the log does not name them there.

    The last pair that the same thread checked out before fits an SA made by IKE_SA_INIT. A rekeyed SA has SPIs that
    nobody has seen yet, so otherwise it is the first pair that occurs only later.
    """
    before = [pair for pair in pairs if pair.line < line and pair.thread == thread][-1:]
    seen = {pair.spis for pair in pairs if pair.line < line}
    later = [pair for pair in pairs if pair.line > line and pair.spis not in seen]
    return next((pair.spis for pair in (*before, *later) if pair.spis not in used), None)


def read_ike_log(path: Path) -> tuple[list[IkeSa], list[dict[str, Json]]]:
    """The IKE SAs of a charon log, and the octets and results of its AUTH computations."""
    lines = path.read_text(errors="replace").splitlines()
    pairs = []
    for number, line in enumerate(lines):
        match = re.match(r"(\d+)\[MGR\].* SPIs ([0-9a-f]{16})_i ([0-9a-f]{16})_r", line)
        if match and match[3] != "0" * 16:
            pairs.append(SpiPair(number, match[1], (match[2], match[3])))
    proposal = dh_secret = None
    sas: list[IkeSa] = []
    auths: list[dict[str, Json]] = []
    used: set[tuple[str, str]] = set()
    for number, line in enumerate(lines):
        selected = re.search(r"selected proposal: IKE:(\S+)", line)
        secret = re.search(r"(Sk_\w+) secret =>", line)
        if selected:
            proposal = selected[1]
        elif "shared Diffie Hellman secret =>" in line:
            dh_secret = hex_dump(lines, number)
        elif "SKEYSEED =>" in line:
            spis = find_spis(pairs, number, line.split("[")[0], used)
            used |= {spis} if spis else set()
            sas.append(IkeSa(proposal, dh_secret, hex_dump(lines, number), spis))
        elif secret and sas and secret[1].lower() in SECRETS:
            sas[-1].secrets[secret[1].lower()] = hex_dump(lines, number)
        elif "octets = message + nonce + prf" in line:
            auths.append({"octets": hex_dump(lines, number)})
        elif auths and re.search(r"AUTH = prf\(prf\(secret, keypad\), octets\) =>", line):
            auths[-1]["auth"] = hex_dump(lines, number)
    return sas, auths


def read_esp_states(path: Path) -> list[dict[str, Json]]:
    """The ESP states of the snapshots, each once, with the title of the snapshot that had it first."""
    if not path.exists():
        return []
    # A new state begins at each line that is not indented.
    text = path.read_text()
    starts = [match.start() for match in re.finditer(r"^\S", text, re.MULTILINE)]
    states: dict[tuple[str, str, str], dict[str, Json]] = {}
    title = ""
    for start, end in pairwise([*starts, len(text)]):
        block = text[start:end]
        if block.startswith("## "):
            title = block.split(": ", 1)[1].strip()
        ends = re.match(r"src (\S+) dst (\S+)", block)
        head = re.search(r"^\s+proto esp spi (0x[0-9a-f]+) reqid \d+ mode (\w+)", block, re.MULTILINE)
        if ends and head:
            state: dict[str, Json] = {"src": ends[1], "dst": ends[2], "first_seen": title}
            found: dict[str, Json] = {}
            if match := re.search(r"^\s+replay-window (\d+)", block, re.MULTILINE):
                found["replay_window"] = int(match[1])
            if match := re.search(r"^\s+auth-trunc (\S+) (0x[0-9a-f]+) (\d+)", block, re.MULTILINE):
                found |= {"auth": match[1], "auth_key": match[2], "icv_bits": int(match[3])}
            if match := re.search(r"^\s+enc (\S+) (0x[0-9a-f]+)", block, re.MULTILINE):
                found |= {"enc": match[1], "enc_key": match[2]}
            if match := re.search(r"^\s+aead (\S+) (0x[0-9a-f]+) (\d+)", block, re.MULTILINE):
                found |= {"aead": match[1], "key": match[2], "icv_bits": int(match[3])}
            if match := re.search(r"^\s+encap type (\S+) sport (\d+) dport (\d+)", block, re.MULTILINE):
                found["encap"] = {"type": match[1], "sport": int(match[2]), "dport": int(match[3])}
            state |= {"spi": head[1], "mode": head[2]} | found
            if "key" in state or "enc_key" in state:
                states.setdefault((ends[1], ends[2], head[1]), state)
    return list(states.values())


def collect(folder: Path, case: str, nodes: list[str]) -> dict[str, Json]:
    configuration_file = folder / f"conf-{case}-spoke1.swanctl.conf"
    configuration = configuration_file.read_text() if configuration_file.exists() else ""
    sas: list[IkeSa] = []
    auths: list[dict[str, Json]] = []
    for node in nodes:
        node_sas, node_auths = read_ike_log(folder / f"{case}.{node}.charon.log")
        known = {(sa.spis, sa.secrets.get("sk_ei")) for sa in sas}
        sas += [sa for sa in node_sas if (sa.spis, sa.secrets.get("sk_ei")) not in known]
        auths += node_auths
    method = re.search(r"local \{ auth = (\w+)", configuration)
    result: dict[str, Json] = {
        "case": case,
        "software": "strongSwan 5.9.8 (Debian 12) on both ends, Linux 6.1 ESP",
        "initiator": "spoke1",
        "responder": "hub",
        "id_initiator": "spoke1.example",
        "id_responder": "hub.example",
        "auth": method[1] if method else "psk",
        "ike_sas": [sa.as_json() for sa in sas],
        "esp_sas": list(read_esp_states(folder / f"{case}.xfrm.txt")),
    }
    if result["auth"] == "psk":
        psk = re.search(r"secret = (\S+)", configuration)
        result["psk"] = psk[1] if psk else None
        result["auth_computations"] = [auth for auth in auths if "auth" in auth]
    result["wireshark_ikev2_decryption_table"] = [row for sa in sas if (row := sa.wireshark_row())]
    return result


def main() -> None:
    folder, case, *nodes = sys.argv[1:]
    print(json.dumps(collect(Path(folder), case, nodes or ["spoke1"]), indent=1))


if __name__ == "__main__":
    main()
