"""The contract of every data plane: simulated, Python, Rust engine. One suite (`tests/contract/`) runs on all of them.

A plane carries out effects in order and reports facts as events. It makes no decisions: the router decides which route
is best, which clients are registered, and when a shortcut is proved. A plane does by itself what happens per packet:

* IP: forward by longest match, TTL, ICMP errors, answer echo requests (and report those of other routers, which are
marked internetwork control: `IpReceived`), fragment or report the MTU;
* GRE: encapsulate (TTL 255, TOS copied, DF as `TunnelSpec` says), demultiplex by local address, key and, on
point-to-point tunnels, remote address; replicate multicast; clamp TCP's MSS; count packets and octets per peer
(`amounts`);
* path MTUs: an ICMP error of a router on the way about packets with DF that are too big applies to the packets inside
(`paths`): larger ones are cut before GRE encapsulation, or their senders get an ICMP error; not on tunnels whose DF is
clear, and where no tunnel of a source address sets DF, such errors are ignored, by the kernel too;
* an unknown next hop of a multipoint tunnel: the packet waits, `Unresolved` is reported once until it is answered;
* a transit packet between tunnels of one NHRP network: `Hairpin`, once per interval and address pair;
* ICMP port unreachable that leaves by a tunnel carries the tunnel's address, as IOS has it (the last line of a
traceroute to a LAN address shows the tunnel address);
* ESP (RFC 4303, RFC 3948): on a protected tunnel GRE leaves only encrypted and is accepted from ESP alone; packets are
fragmented before encryption, and fragments of the peer are reassembled after decryption; sequence numbers, replay
windows, limits; counters by connection and by SA; an alarm when packets go out on a connection and none comes in
(`ConnectionUnheard`, `esp.silence`);
* byte streams (`base.streams`): TCP from and to addresses of the router's own; connections from unlisted peers are
refused; MD5 signatures, TTL security;
* translation (`SetTranslation`): packets from inside to outside get the outside's address, with a port that the router
itself does not use; replies, and ICMP errors about them, are translated back;
* filters (`SetFilters`, `base.filters`): the inward list is asked before all else about every packet that comes by a
port, those for the router included (a tunnel: every packet that comes out of it, but NHRP); the outward list, after
translation, about what others sent and leaves by the port; an order that fails shuts its port, or, where `errno` is not
0, leaves it open, because the host filters nothing; a denied packet is answered by ICMP "administratively
prohibited", of a router once in `PROHIBITED_INTERVAL`, unless the port that the answer leaves by has no unreachables;
* choice of the SA: of the connection that the adjacency names, else of the newest connection between tunnel source and
NBMA address; in it the one that was last made current (`InstallSa`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dmvpn.base.counting import Counting

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect


class EffectError(Exception):
    """The plane could not carry out an effect; the shell makes an `EffectFailed` of it."""

    def __init__(self, effect: Effect, errno: int, text: str) -> None:
        super().__init__(f"{type(effect).__name__}: {text}")
        self.effect = effect
        self.errno = errno
        self.text = text


class DataPlane(Counting, Protocol):
    """Carries out effects, and answers the shows of counters; facts go to the function that it was made with.

    Every plane derives from it, so mypy compares each method with the one here, and refuses to make a plane that lacks
    one.
    """

    def execute(self, effect: Effect) -> None:
        """Carry out one effect; effects for other modules are ignored. Raises EffectError."""
        ...

    def close(self) -> None:
        """Release all resources; a second call does nothing."""
        ...


#: Packets that may wait for one next hop, and next hops that may be unresolved at a time, for each tunnel.
WAITING_PACKETS = 64
UNRESOLVED_NEXT_HOPS = 256
#: Seconds until the packets that wait for a next hop are dropped (Linux: app_solicit x retrans_time).
RESOLUTION_TIMEOUT = 1.0
#: Address pairs of NHRP networks that the hairpin detector stores.
HAIRPIN_PAIRS = 65536
#: NBMA addresses whose packets a tunnel counts although no adjacency names them.
COUNTED_PEERS = 65536
#: Reports of `UnknownSpi` and `ClearReceived` in a second, in all; of the same addresses one. Further packets are only
#: counted. The same limit applies, separately, to senders of inner packets that get an ICMP error because these do not
#: fit the path.
ALARMS_PER_SECOND = 100
#: Seconds between two ICMP messages "administratively prohibited" of a router.
PROHIBITED_INTERVAL = 0.5
