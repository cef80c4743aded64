"""What a boot of user-mode Linux left behind: marks, show outputs, pings, traces, captures. See uml/scen/_smoke.inc.

Captures are read by tshark, the daemons speak for themselves: nothing of ours judges our own packets.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict, cast

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: NHRP packet types, RFC 2332 §5.2.
RESOLUTION_REQUEST, RESOLUTION_REPLY, REGISTRATION_REQUEST, REGISTRATION_REPLY, INDICATION = 1, 2, 3, 4, 8

#: What tshark complains about. It notes also what a traceroute looks like; that is no complaint.
_COMPLAINTS = (
    "_ws.malformed || nhrp.hdr.chksum.status == 0 || nhrp.hdr.bad_checksum || nhrp.hdr.pktsz.invalid || "
    "nhrp.hdr.extoff.invalid || nhrp.ext.not_allowed || nhrp.ext.malformed || nhrp.ext.extra || "
    "ip.checksum.status == 0 || icmp.checksum.status == 0"
)
#: Port unreachable about a GRE packet: how a kernel answers GRE that it has no tunnel for.
_KERNEL_ANSWER = 'icmp.type == 3 && icmp.code == 3 && frame.protocols matches "^eth:ethertype:ip:icmp:ip:gre"'
#: Not those that an ICMP error quotes.
_NHRP = 'frame.protocols matches "^eth:ethertype:ip:gre:nhrp"'
_NHRP_FIELDS = (
    "frame.time_epoch",
    "ip.src",
    "ip.dst",
    "nhrp.reqid",
    "nhrp.flag.u",
    "nhrp.src.prot.addr",
    "nhrp.dst.prot.addr",
    "nhrp.code",
    "nhrp.prefix",
)


class FrrEntry(TypedDict):
    """A row of `show ip nhrp cache json`."""

    type: str
    protocol: str
    nbma: str


class FrrShortcut(TypedDict):
    """A row of `show ip nhrp shortcut json`."""

    prefix: str
    via: str


class OurEntry(TypedDict):
    """An entry of our `show ip nhrp | json`."""

    target: str
    next_hop: str
    nbma: str
    type: str
    flags: list[str]


class OurServer(TypedDict):
    """A server in our `show dmvpn | json`."""

    address: str
    letters: str
    nbma: str


@dataclass(frozen=True, slots=True)
class Nhrp:
    """An NHRP packet in a capture. at: seconds since 1970. sender, receiver: NBMA addresses of the packet around it."""

    at: float
    sender: str
    receiver: str
    kind: int
    request_id: int
    unique: bool
    source: str
    destination: str
    codes: tuple[int, ...]
    prefix_lengths: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pings:
    """What ping(8) printed. ttls: of the answers, in their order."""

    sent: int
    received: int
    duplicates: int
    ttls: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """One boot. ours: the node that ran our router."""

    folder: Path
    ours: str

    def mark(self, text: str, number: int = 0) -> float:
        """When something happened (for the first time: number 0), seconds since 1970."""
        times = [float(at) for at, _, what in self._marks() if what == text]
        assert len(times) > number, f"{text!r} did not happen; see {self.folder}/run.log and ours.log"
        return times[number]

    def statuses(self) -> list[int]:
        """How our router ended, each time, as a shell says it."""
        return [int(what.split()[1]) for _, _, what in self._marks() if what.startswith("ended ")]

    def _marks(self) -> list[tuple[str, str, str]]:
        return [line.partition(" ") for line in self._text("marks.txt").splitlines()]

    # ------------------------------------------------------------------------------------------ what routers say

    def frr_cache(self, label: str, node: str) -> list[FrrEntry]:
        """FRR's entries at a moment."""
        return cast("list[FrrEntry]", self._frr(label, node, "cache"))

    def frr_shortcuts(self, label: str, node: str) -> list[FrrShortcut]:
        """FRR's shortcuts at a moment."""
        return cast("list[FrrShortcut]", self._frr(label, node, "shortcut"))

    def _frr(self, label: str, node: str, what: str) -> object:
        text = self._text(f"{label}.{node}.{what}.json")
        return json.loads(text[text.index("{") :])["table"]  # it prints its table's headline even before JSON

    def entries(self, label: str) -> dict[str, OurEntry]:
        """Our entries at a moment, by target."""
        (found, _) = self._documents(label)
        return {entry["target"]: entry for entry in cast("list[OurEntry]", found["entries"])}

    def servers(self, label: str) -> list[OurServer]:
        """Our next hop servers at a moment."""
        (_, found) = self._documents(label)
        (tunnel,) = cast("list[dict[str, object]]", found["tunnels"])
        return cast("list[OurServer]", tunnel["servers"])

    def _documents(self, label: str) -> tuple[dict[str, object], dict[str, object]]:
        text = self._text(f"{label}.{self.ours}.txt")
        decoder = json.JSONDecoder()
        first, end = decoder.raw_decode(text)
        second, _ = decoder.raw_decode(text, text.index("{", end))
        return first, second

    # ------------------------------------------------------------------------------------------ what hosts see

    def pings(self, name: str) -> Pings:
        """The answers to a host's pings."""
        text = self._text(f"ping.{name}.txt")
        counts = re.search(r"(\d+) packets transmitted, (\d+) received", text)
        assert counts is not None, text
        return Pings(
            sent=int(counts[1]),
            received=int(counts[2]),
            duplicates=text.count("DUP!"),
            ttls=tuple(map(int, re.findall(r"bytes from .* ttl=(\d+)", text))),
        )

    def trace(self, name: str) -> list[str]:
        """The addresses that traceroute(8) met."""
        return re.findall(r"^ *\d+  (\S+)", self._text(f"trace.{name}.txt"), re.MULTILINE)

    def interfaces(self, label: str) -> dict[str, bool]:
        """The interfaces of our node at a moment, and whether they were up."""
        found = re.findall(r"^\d+: ([\w.-]+)(?:@\S+)?: <(\S*)>", self._text(f"left.{label}.txt"), re.MULTILINE)
        return {name: "UP" in flags.split(",") for name, flags in found}

    def routes(self, label: str) -> list[str]:
        """The prefixes of the routes that our router had in the kernel at a moment."""
        return re.findall(r"^([\d.]+(?:/\d+)?) ", self._text(f"left.{label}.txt"), re.MULTILINE)

    # ------------------------------------------------------------------------------------------ what was on the wire

    def nhrp(self, node: str, kind: int) -> list[Nhrp]:
        """The NHRP packets of a kind on the node's underlay interface."""
        rows = self._tshark(node, f"{_NHRP} && nhrp.hdr.op.type == {kind}", *_NHRP_FIELDS)
        return [_nhrp(kind, row) for row in rows]

    def complaints(self, node: str) -> list[str]:
        """Packets that tshark finds wrong in any layer, by number."""
        return [" ".join(row) for row in self._tshark(node, _COMPLAINTS, "frame.number", "frame.protocols")]

    def kernel_answers(self) -> list[float]:
        """When the kernel of our node told a neighbour that it knows nothing of GRE."""
        source = {"hub": "192.0.2.2", "spoke1": "198.51.100.2"}[self.ours]
        rows = self._tshark(self.ours, f"{_KERNEL_ANSWER} && ip.src == {source}", "frame.time_epoch")
        return [float(at) for (at,) in rows]

    def _tshark(self, node: str, wanted: str, *fields: str) -> list[Sequence[str]]:
        command = ["tshark", "-r", str(self.folder / f"underlay-{node}.pcap"), "-Y", wanted, "-T", "fields"]
        command += ["-o", "ip.check_checksum:TRUE", "-E", "separator=;", "-E", "occurrence=a"]
        for field in fields:
            command += ["-e", field]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return [line.split(";") for line in done.stdout.splitlines()]

    def _text(self, name: str) -> str:
        return (self.folder / name).read_text()


def _nhrp(kind: int, row: Sequence[str]) -> Nhrp:
    at, sender, receiver, request_id, unique, source, destination, codes, lengths = row
    return Nhrp(
        at=float(at),
        sender=sender.split(",")[0],
        receiver=receiver.split(",")[0],
        kind=kind,
        request_id=int(request_id or "0", 0),
        unique=unique in ("1", "True"),
        source=source,
        destination=destination,
        codes=tuple(int(code) for code in codes.split(",") if code),
        prefix_lengths=tuple(int(length) for length in lengths.split(",") if length),
    )
