"""What a boot of user-mode Linux left behind: marks, show outputs, pings, traces, captures. See uml/scen/_world.inc.

Captures are read by tshark, the daemons speak for themselves: nothing of ours judges our own packets.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, NotRequired, TypedDict, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: The addresses of the networks in uml/lib.sh.
NBMA = {"hub": "192.0.2.2", "spoke1": "198.51.100.2", "spoke2": "203.0.113.2"}
TUNNEL = {"hub": "10.255.0.1", "spoke1": "10.255.0.11", "spoke2": "10.255.0.12"}
LAN = {"spoke1": "192.168.1.0/24", "spoke2": "192.168.2.0/24"}
HOST = {"spoke1": "192.168.1.10", "spoke2": "192.168.2.10"}
#: The address of spoke1 where it is behind a NAT.
INSIDE = "10.99.0.2"
HOLDING_TIME = 12.0
#: TTL of an answer from LAN to LAN: two routers on the direct path, the hub between them makes three.
DIRECT, BY_HUB = 62, 61

#: NHRP packet types, RFC 2332 §5.2.
RESOLUTION_REQUEST, RESOLUTION_REPLY, REGISTRATION_REQUEST, REGISTRATION_REPLY = 1, 2, 3, 4
PURGE_REQUEST, PURGE_REPLY, INDICATION = 5, 6, 8
#: An EIGRP opcode, RFC 7868 §6.3.
QUERY = 3
#: IKEv2 exchanges, RFC 7296 §3.1.
IKE_SA_INIT, INFORMATIONAL = 34, 37

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
_GRE_FIELDS = (
    "ip.src",
    "frame.len",
    "gre.key",
    "gre.sequence_number",
    "gre.flags.checksum",
    "gre.checksum.status",
)
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
    "nhrp.src.nbma.addr",
    "nhrp.client.nbma.addr",
    "nhrp.hdr.hopcnt",
    "nhrp.hdr.pktsz",
    "nhrp.hdr.extoff",
)


class FrrEntry(TypedDict):
    """A row of `show ip nhrp cache json`."""

    type: str
    protocol: str
    nbma: str
    claimed_nbma: str


class FrrShortcut(TypedDict):
    """A row of `show ip nhrp shortcut json`. via: missing while it is asked for."""

    prefix: str
    via: NotRequired[str]


class OurEntry(TypedDict):
    """An entry of our `show ip nhrp | json`."""

    target: str
    next_hop: str
    nbma: str
    claimed: str | None
    type: str
    flags: list[str]
    reason: str


class OurPeer(TypedDict):
    """A line of our `show dmvpn | json`."""

    tunnel: str
    nbma: str
    attributes: str
    target: str


class OurServer(TypedDict):
    """A server in our `show dmvpn | json`."""

    address: str
    letters: str
    nbma: str


@dataclass(frozen=True, slots=True)
class Nhrp:
    """An NHRP packet in a capture. at: seconds since 1970. sender, receiver: NBMA addresses of the packet around it.

    claimed: the NBMA address that the packet names as its source. clients: the NBMA addresses of all entries in it.
    size, extensions: octets, and where the extensions begin (0: there are none).
    """

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
    claimed: str
    clients: tuple[str, ...]
    hop_count: int
    size: int
    extensions: int


class Gre(NamedTuple):
    """The GRE header of a packet in a capture. key, sequence: None where the field is absent.

    checksum: whether there is one; is_right: whether it is that of the packet. length: octets of the whole frame.
    """

    key: int | None
    sequence: int | None
    checksum: bool
    is_right: bool
    length: int


class Answer(NamedTuple):
    """One answer to a ping. at: seconds since 1970."""

    at: float
    number: int
    ttl: int


@dataclass(frozen=True, slots=True)
class Pings:
    """What ping(8) printed. answers: in the order in which they came."""

    sent: int
    received: int
    duplicates: int
    answers: tuple[Answer, ...]

    @property
    def ttls(self) -> tuple[int, ...]:
        """Of all answers."""
        return tuple(answer.ttl for answer in self.answers)

    def between(self, since: float, until: float) -> tuple[int, ...]:
        """The TTLs of the answers of some time."""
        return tuple(answer.ttl for answer in self.answers if since <= answer.at <= until)

    def lost(self, since: float, until: float) -> int:
        """How many numbers are missing from the last answer before some time to the first one after it.

        Unlike silence this does not grow where the machine is slow.
        """
        answered = {answer.number for answer in self.answers}
        first = max((answer.number for answer in self.answers if answer.at < since), default=min(answered))
        last = min((answer.number for answer in self.answers if answer.at > until), default=max(answered))
        return sum(number not in answered for number in range(first, last))


@dataclass(frozen=True, slots=True)
class Run:
    """One boot. ours: the nodes that ran our router; where a node is not named, the first one is meant."""

    folder: Path
    ours: tuple[str, ...]

    def mark(self, text: str, number: int = 0) -> float:
        """When something happened (for the first time: number 0), seconds since 1970."""
        times = [float(at) for at, _, what in self._marks() if what == text]
        assert len(times) > number, f"{text!r} did not happen; see {self.folder}/run.log and ours.log"
        return times[number]

    def statuses(self, node: str = "") -> list[int]:
        """How our router ended, each time, as a shell says it."""
        text = f"ended {node or self.ours[0]} "
        return [int(what.removeprefix(text)) for _, _, what in self._marks() if what.startswith(text)]

    def _marks(self) -> list[tuple[str, str, str]]:
        return [line.partition(" ") for line in self.text("marks.txt").splitlines()]

    @property
    def frr(self) -> str:
        """The version of FRR that ran."""
        return self.text("versions.txt").split()[2]

    # ------------------------------------------------------------------------------------------ what routers say

    def frr_cache(self, label: str, node: str) -> list[FrrEntry]:
        """FRR's entries at a moment."""
        return cast("list[FrrEntry]", self._frr(label, node, "cache"))

    def frr_shortcuts(self, label: str, node: str) -> list[FrrShortcut]:
        """FRR's shortcuts at a moment."""
        return cast("list[FrrShortcut]", self._frr(label, node, "shortcut"))

    def _frr(self, label: str, node: str, what: str) -> object:
        text = self.text(f"{label}.{node}.{what}.json")
        return json.loads(text[text.index("{") :])["table"]  # it prints its table's headline even before JSON

    def entries(self, label: str, node: str = "") -> dict[str, OurEntry]:
        """Our entries at a moment, by target."""
        (found, _) = self._documents(label, node)
        return {entry["target"]: entry for entry in cast("list[OurEntry]", found["entries"])}

    def servers(self, label: str, node: str = "") -> list[OurServer]:
        """Our next hop servers at a moment."""
        return cast("list[OurServer]", self._tunnel(label, node)["servers"])

    def peers(self, label: str, node: str = "") -> dict[str, OurPeer]:
        """The lines of our `show dmvpn` at a moment, by target."""
        groups = cast("list[list[OurPeer]]", self._tunnel(label, node)["peers"])
        return {peer["target"]: peer for group in groups for peer in group}

    def _tunnel(self, label: str, node: str) -> dict[str, object]:
        (_, found) = self._documents(label, node)
        (tunnel,) = cast("list[dict[str, object]]", found["tunnels"])
        return tunnel

    def _documents(self, label: str, node: str) -> tuple[dict[str, object], dict[str, object]]:
        text = self.text(f"{label}.{node or self.ours[0]}.txt")
        decoder = json.JSONDecoder()
        first, end = decoder.raw_decode(text)
        second, _ = decoder.raw_decode(text, text.index("{", end))
        return first, second

    def child_sas(self, label: str, node: str) -> dict[str, list[str]]:
        """strongSwan's IKE SAs at a moment, by peer: the child SAs that it uses, as it describes them."""
        sas: dict[str, list[str]] = {}
        for line in self.text(f"{label}.{node}.xfrm.txt").splitlines():
            if begin := re.match(r"to-(\w+): .* ESTABLISHED", line):
                sas[begin[1]] = children = []
            elif sas and (child := re.match(r"  gre: .* INSTALLED, (\S+, \S+)", line)):
                children.append(child[1])
        return sas

    def ike_spis(self, label: str, node: str, remote: str) -> set[str]:
        """Of a node's IKE SAs with an address at a moment, as our `show crypto ikev2 sa detailed` says."""
        found: set[str] = set()
        peer = ""
        for line in self.text(f"{label}.{node}.crypto.txt").splitlines():
            if row := re.match(r"\d+ +[\d.]+/\d+ +([\d.]+)/\d+ .*READY", line):
                peer = row[1]
            elif peer == remote:
                found.update(re.findall(r"(?:Local|Remote) spi: (\w+)", line))
        return found

    def sent_on(self, label: str, node: str) -> set[str]:
        """Of the SAs that a foreign node sends on. What it receives on may outlive its successor for some seconds."""
        return self._spis(label, node, lambda source, _: source in (NBMA[node], INSIDE))

    def spis(self, label: str, node: str, peer: str = "") -> set[str]:
        """Of all SAs that the kernel of a foreign node had at a moment, with one address or any; 0 waits for an SA."""
        return self._spis(label, node, lambda *ends: peer in ("", *ends))

    def _spis(self, label: str, node: str, wanted: Callable[[str, str], bool]) -> set[str]:
        found = re.findall(
            r"^src (\S+) dst (\S+)\n\s+proto esp spi (0x(?!0{8})\w+)",
            self.text(f"{label}.{node}.xfrm.txt"),
            re.MULTILINE,
        )
        return {spi for source, destination, spi in found if wanted(source, destination)}

    def refused(self, label: str, node: str) -> int:
        """Packets that the SAs of a foreign kernel took for replayed or forged until a moment."""
        counts = re.findall(r"replay-window \d+ replay (\d+) failed (\d+)", self.text(f"{label}.{node}.xfrm.txt"))
        return sum(int(count) for row in counts for count in row)

    # ------------------------------------------------------------------------------------------ what hosts see

    def pings(self, name: str) -> Pings:
        """The answers to a host's pings."""
        text = self.text(f"ping.{name}.txt")
        counts = re.search(r"(\d+) packets transmitted, (\d+) received", text)
        assert counts is not None, text
        return Pings(
            sent=int(counts[1]),
            received=int(counts[2]),
            duplicates=text.count("DUP!"),
            answers=tuple(
                Answer(float(at), int(number), int(ttl))
                for at, number, ttl in re.findall(
                    r"^\[([\d.]+)\] \d+ bytes .* icmp_seq=(\d+) ttl=(\d+)", text, re.MULTILINE
                )
            ),
        )

    def trace(self, name: str) -> list[str]:
        """The addresses that traceroute(8) met."""
        return re.findall(r"^ *\d+  (\S+)", self.text(f"trace.{name}.txt"), re.MULTILINE)

    def interfaces(self, label: str, node: str = "") -> dict[str, bool]:
        """The interfaces of our node at a moment, and whether they were up."""
        found = re.findall(r"^\d+: ([\w.-]+)(?:@\S+)?: <(\S*)>", self._left(label, node), re.MULTILINE)
        return {name: "UP" in flags.split(",") for name, flags in found}

    def routes(self, label: str, node: str = "") -> list[str]:
        """The prefixes of the routes that our router had in the kernel at a moment."""
        return re.findall(r"^([\d.]+(?:/\d+)?) ", self._left(label, node), re.MULTILINE)

    def _left(self, label: str, node: str) -> str:
        return self.text(f"left.{label}.{node or self.ours[0]}.txt")

    # ------------------------------------------------------------------------------------------ what was on the wire

    def nhrp(self, node: str, kind: int) -> list[Nhrp]:
        """The NHRP packets of a kind on the node's underlay interface."""
        rows = self._tshark(node, f"{_NHRP} && nhrp.hdr.op.type == {kind}", *_NHRP_FIELDS)
        return [_nhrp(kind, row) for row in rows]

    def gre(self, node: str, sender: str) -> list[Gre]:
        """The headers of what somebody sent in GRE (not what an ICMP error quotes), in its order."""
        wanted = f'frame.protocols matches "^eth:ethertype:ip:gre" && ip.src == {sender}'
        rows = self._tshark(node, wanted, *_GRE_FIELDS)
        return [
            Gre(
                key=int(key, 0) if key else None,
                sequence=int(sequence) if sequence else None,
                checksum=has_checksum in ("1", "True"),
                is_right=status in ("1", "Good"),
                length=int(length),
            )
            for senders, length, key, sequence, has_checksum, status in rows
            if senders.split(",")[0] == sender
        ]

    def eigrp(self, node: str, opcode: int) -> list[tuple[float, str]]:
        """When EIGRP packets of a kind passed the node's underlay interface, and whose they were (tunnel addresses)."""
        wanted = f'frame.protocols matches "^eth:ethertype:ip:gre:ip:eigrp" && eigrp.opcode == {opcode}'
        rows = self._tshark(node, wanted, "frame.time_epoch", "ip.src")
        return [(float(at), sources.split(",")[1]) for at, sources in rows]

    def complaints(self, node: str) -> list[str]:
        """Packets that tshark finds wrong in any layer, by number."""
        return [" ".join(row) for row in self._tshark(node, _COMPLAINTS, "frame.number", "frame.protocols")]

    def seen_in_clear(self, node: str, sender: str = "") -> list[float]:
        """When GRE passed this node's interface outside of ESP (not what an ICMP error quotes); of `sender` alone.

        Of a kernel in tunnel mode a capture shows what comes out of ESP like what came in: look at the other end.
        """
        rows = self._tshark(node, 'frame.protocols matches "^eth:ethertype:ip:gre"', "frame.time_epoch", "ip.src")
        return [float(at) for at, source in rows if sender in ("", source.split(",")[0])]

    def ike(self, node: str, exchange: int, by: str) -> list[float]:
        """When somebody's requests of a kind passed this node's interface."""
        wanted = f"isakmp.exchangetype == {exchange} && isakmp.flag_r == 0 && ip.src == {by}"
        return [float(at) for (at,) in self._tshark(node, wanted, "frame.time_epoch")]

    def carried(self, node: str) -> set[str]:
        """What ESP went in at this node's interface: "esp" alone, or "udp"."""
        rows = self._tshark(node, "esp", "frame.protocols")
        return {"udp" if ":udp:" in protocols else "esp" for (protocols,) in rows}

    def kernel_answers(self) -> list[float]:
        """When the kernel of our node told a neighbor that it knows nothing of GRE."""
        rows = self._tshark(self.ours[0], f"{_KERNEL_ANSWER} && ip.src == {NBMA[self.ours[0]]}", "frame.time_epoch")
        return [float(at) for (at,) in rows]

    def carriers(self, node: str, source: str, destination: str, *, since: float, until: float) -> list[str]:
        """Where the GRE packets of a flow went from a node, NBMA addresses in their order."""
        rows = self._tshark(
            node,
            f'frame.protocols matches "^eth:ethertype:ip:gre:ip" && ip.src == {source} && ip.dst == {destination}',
            "frame.time_epoch",
            "ip.src",
            "ip.dst",
        )
        return [
            outer.split(",")[0]
            for at, senders, outer in rows
            if since <= float(at) <= until and senders.split(",")[1] == source
        ]

    def packets(self, capture: str, wanted: str) -> list[str]:
        """Packets of any capture that match a display filter: number, protocols."""
        rows = self._read(capture, wanted, "frame.number", "frame.protocols")
        return [" ".join(row) for row in rows]

    def _tshark(self, node: str, wanted: str, *fields: str) -> tuple[tuple[str, ...], ...]:
        return self._read(f"underlay-{node}", wanted, *fields)

    def _read(self, name: str, wanted: str, *fields: str) -> tuple[tuple[str, ...], ...]:
        capture = self.folder / f"{name}.pcap"
        return _tshark(capture, capture.stat().st_mtime_ns, wanted, fields)

    def text(self, name: str) -> str:
        """A file that the boot left."""
        return (self.folder / name).read_text()


@cache
def _tshark(capture: Path, _written: int, wanted: str, fields: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    command = ["tshark", "-r", str(capture), "-Y", wanted, "-T", "fields"]
    command += ["-o", "ip.check_checksum:TRUE", "-E", "separator=;", "-E", "occurrence=a"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return tuple(tuple(line.split(";")) for line in done.stdout.splitlines())


def _nhrp(kind: int, row: tuple[str, ...]) -> Nhrp:
    at, sender, receiver, request_id, unique, source, destination, codes, lengths, claimed, clients, *header = row
    hop_count, size, extensions = (int(value or "0") for value in header)
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
        claimed=claimed,
        clients=tuple(client for client in clients.split(",") if client),
        hop_count=hop_count,
        size=size,
        extensions=extensions,
    )
