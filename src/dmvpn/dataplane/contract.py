"""What every data plane does: simulated, Python, Rust engine. One suite (`tests/contract/`) runs on all of them.

A plane carries out effects in order and reports facts as events. It decides nothing: the router decides which route is
best, which clients are registered, and when a shortcut is proved. What a plane does by itself, because it happens per
packet:

* IP: forward by longest match, TTL, ICMP errors, answer echo requests (and report those of other routers, which are
  marked internetwork control: `IpReceived`), fragment or say how big a packet may be;
* GRE: encapsulate (TTL 255, TOS copied, DF as `TunnelSpec` says), demultiplex by local address, key and, on
  point-to-point tunnels, remote address; replicate multicast; clamp TCP's MSS; count per peer;
* the path: what a router on the way says of packets with DF that are too big holds for those inside (`paths`): larger
  ones are cut before they are put into GRE, or their senders hear; not on tunnels whose DF is clear, and where none at
  a tunnel source sets DF, nobody is believed: not by the kernel either;
* an unknown next hop of a multipoint tunnel: the packet waits, `Unresolved` is reported once until it is answered;
* a transit packet between tunnels of one NHRP network: `Hairpin`, once per interval and address pair;
* ICMP port unreachable that leaves by a tunnel carries the tunnel's address, as IOS has it (the last line of a
  traceroute to a LAN address shows the tunnel address);
* ESP (RFC 4303, RFC 3948): on a protected tunnel GRE leaves sealed or not at all and is taken from ESP alone; packets
  are cut before they are sealed, and what a peer cut before comes out whole; sequence numbers, replay windows, limits;
  counters by connection and by SA;
* byte streams (`base.streams`): TCP from and to addresses of the router's own; others than those it listens to are
  refused; MD5 signatures, TTL security;
* translation (`SetTranslation`): what is routed from inside to outside gets the outside's address, with a port that is
  none of the router's own; answers, and ICMP errors about it, find their way back;
* which SA: of the connection that the adjacency names, else of the newest connection between tunnel source and NBMA
  address; in it the one that was last made current (`InstallSa`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from dmvpn.base.counting import Station
    from dmvpn.base.effects import Effect
    from dmvpn.base.events import InterfacesCounted, SasCounted
    from dmvpn.base.translation import Translations


class EffectError(Exception):
    """The plane could not carry out an effect; the shell makes an `EffectFailed` of it."""

    def __init__(self, effect: Effect, errno: int, text: str) -> None:
        super().__init__(f"{type(effect).__name__}: {text}")
        self.effect = effect
        self.errno = errno
        self.text = text


class DataPlane(Protocol):
    """Carries out effects; facts go to the function it was made with."""

    def execute(self, effect: Effect) -> None:
        """Carry out one effect; one that is not for a data plane is ignored. Raises EffectError."""
        ...

    def interfaces_counted(self) -> InterfacesCounted | None:
        """Return what `PollInterfaces` reports, at once and to nobody else; None: the host does not say."""
        ...

    def sas_counted(self) -> SasCounted | None:
        """Return what `PollSas` reports, likewise."""
        ...

    def stations(self) -> tuple[Station, ...]:
        """Return the stations on Ethernets that the host has heard of; empty where wires have no link layer."""
        ...

    def translations(self) -> Translations:
        """Return what `SetTranslation` has come to: the flows that live, and what was counted."""
        ...

    def close(self) -> None:
        """Give everything back; a second call does nothing."""
        ...


#: Packets that may wait for one next hop, and next hops that may be unresolved at a time, for each tunnel.
WAITING_PACKETS = 64
UNRESOLVED_NEXT_HOPS = 256
#: Seconds until the packets that wait for a next hop are given up (Linux: app_solicit x retrans_time).
RESOLUTION_TIMEOUT = 1.0
#: Address pairs that the hairpin detector remembers.
HAIRPIN_PAIRS = 65536
#: NBMA addresses whose packets a tunnel counts although no adjacency names them.
COUNTED_PEERS = 65536
#: `UnknownSpi` and `ClearReceived` that are reported, in all; of the same addresses one. What is above is only counted.
#: Likewise, by themselves, senders of inner packets that are told that these do not fit the path.
ALARMS_PER_SECOND = 100
