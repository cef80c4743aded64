"""`show crypto ipsec sa`: the security associations of each tunnel, peer by peer;
`show crypto engine connections active`: each direction of each security association, with what passed it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.breath import breathing
from dmvpn.base.protection import EspCipher, EspHash, EspTransform, ProtectedPair, SaView
from dmvpn.base.rows import Source
from dmvpn.base.sessions import kilobytes_left, transform_words, tunnels_of
from dmvpn.base.shell import fresh
from dmvpn.base.values import Mutable, Value
from dmvpn.features.ipsec.model import Cipher, TransformSet
from dmvpn.ios import Args, ExecCommand, ShowContext

_IPV4, _UDP, _ESP, _TRAILER, _ALIGNMENT = 20, 8, 8, 2, 4
_AES_BLOCK = 16
_GCM_VECTOR, _GCM_TAG = 8, 16
#: Octets of the check value: half a hash's, except SHA-1's (RFC 2404, RFC 4868).
_TAGS: Final = {EspHash.SHA1: 12, EspHash.SHA256: 16, EspHash.SHA384: 24, EspHash.SHA512: 32}
_IPV6_EXTRA = 20


def map_name(tunnel: str) -> str:
    """Return the crypto map that IOS makes for a protected tunnel."""
    return f"{tunnel}-head-0"


def set_words(transform_set: TransformSet) -> str:
    """Return the algorithms of a set as IOS shows them: "esp-256-aes esp-sha256-hmac", "esp-gcm 256"."""
    cipher, bits = transform_set.cipher, transform_set.key_bits
    if bits in (0, 128):
        words = cipher.value
    elif cipher is Cipher.AES_CBC:
        words = f"esp-{bits}-aes"
    else:
        words = f"{cipher.value} {bits}"
    return words if transform_set.integrity is None else f"{words} {transform_set.integrity.value}"


def vector_octets(transform: EspTransform) -> int:
    """Return the octets of the initialization vector in each packet."""
    return _GCM_VECTOR if transform.cipher is EspCipher.AES_GCM else _AES_BLOCK


def plaintext_mtu(transform: EspTransform, path_mtu: int, *, transport: bool, udp: bool, version: int) -> int:
    """Return the largest packet, its own IP header counted, that fits into `path_mtu` when it is encrypted (RFC 4303
    §2).
    """
    is_gcm = transform.cipher is EspCipher.AES_GCM
    tag = _GCM_TAG if is_gcm else _TAGS[transform.hash] if transform.hash is not None else 0
    header = _IPV4 if version == 4 else _IPV4 + _IPV6_EXTRA
    room = path_mtu - header - (_UDP if udp else 0) - _ESP - vector_octets(transform) - tag
    room -= room % (_ALIGNMENT if is_gcm else _AES_BLOCK)
    return room - _TRAILER + (header if transport else 0)


_IKE_PORT = 500
#: What IOS prints for SAs of its own software; nobody outside knows more of it.
_SIBLINGS = {True: "FFFFFFFF80000008", False: "FFFFFFFF80000048"}


_sa: Final[Source[SaView, float]] = Source()


class PairLine(Value, kw_only=True):
    """A pair of SAs.

    number: of the connection. *_left: kilobytes (None: no limit) and seconds until it ends.
    vector: octets of the initialization vector.
    used: we send on this one.
    """

    number: int = _sa(lambda it: it.connection.number)
    spi_in: int
    spi_out: int
    transform: str = _sa(lambda it: transform_words(it.transform))
    transport: bool
    udp: bool = _sa(lambda it: bool(it.connection.remote_port))
    esn: bool
    window: int
    vector: int = _sa(lambda it: vector_octets(it.transform))
    received_left: int | None = _sa(
        lambda it: kilobytes_left(it.kilobytes or None, it.count.received_octets if it.count is not None else 0)
    )
    sent_left: int | None = _sa(
        lambda it: kilobytes_left(it.kilobytes or None, it.count.sent_octets if it.count is not None else 0)
    )
    seconds_left: int = _sa.at(lambda it, now: max(0, int(it.expires - now)))
    used: bool


class ProtectedFlow(Value, kw_only=True):
    """The protected traffic between us and a peer, over all its SAs. *_selector: address, mask, protocol and port.

    plaintext_mtu: octets, 0 while there is no SA.
    pfs_group: 0: none.
    """

    local: IPAddress
    remote: IPAddress
    remote_port: int
    local_selector: str
    remote_selector: str
    encrypted: int = 0
    decrypted: int = 0
    unsent: int = 0
    broken: int = 0
    replayed: int = 0
    plaintext_mtu: int = 0
    path_mtu: int = 1500
    path_interface: str = ""
    pfs_group: int = 0
    pairs: tuple[PairLine, ...] = ()

    @property
    def outbound_spi(self) -> int:
        """Of the SA that we send on, 0 without."""
        used = [pair for pair in self.pairs if pair.used] or self.pairs[-1:]
        return used[-1].spi_out if used else 0


class ProtectedInterface(Value):
    """A tunnel with `tunnel protection`."""

    name: str
    local: IPAddress
    flows: tuple[ProtectedFlow, ...]
    vrf: str = ""


class ShowSas(Value):
    """The answer to `show crypto ipsec sa`."""

    interfaces: tuple[ProtectedInterface, ...]


class _Found(Mutable):
    """What there is of a tunnel while it is collected: pairs of SAs by connection, and peers without any."""

    by_connection: dict[int, list[SaView]] = field(default_factory=dict)
    absent: list[ProtectedPair] = field(default_factory=list)


def query(ctx: ShowContext, args: Args) -> ShowSas:
    """Return all of them, those of a tunnel, those with a peer, or those of tunnels that are in a VRF."""
    tunnel, peer = args.interface("interface", None), args.any_address("peer", None)
    found: dict[str, _Found] = {state.name: _Found() for state in ctx.ports.tunnels.all() if state.protection}
    secured: set[tuple[str, IPAddress]] = set()
    for sa in fresh(ctx.ports.protection.sas(), ctx.counting):
        for name in tunnels_of(ctx.ports, sa.connection):
            found[name].by_connection.setdefault(sa.connection.number, []).append(sa)
            secured.add((name, sa.connection.remote))
    for pair in breathing(tuple(ctx.ports.protection.pairs())):
        if pair.tunnel in found and (pair.tunnel, pair.remote) not in secured:
            found[pair.tunnel].absent.append(pair)
    interfaces = [_interface(ctx, name, of, peer) for name, of in found.items() if tunnel in (None, name)]
    vrf = args.text("vrf", "")
    return ShowSas(tuple(one for one in interfaces if one is not None and vrf in ("", one.vrf)))


def _interface(ctx: ShowContext, name: str, found: _Found, peer: IPAddress | None) -> ProtectedInterface | None:
    state = ctx.ports.tunnels.get(name)
    if state is None or state.source is None:
        return None
    path = ctx.ports.interfaces.get(state.source_interface) or ctx.ports.interfaces.owner(state.source, state.front)
    mtu, through = (path.ip_mtu, path.name) if path is not None else (1500, "")
    flows = [_flow(pairs, mtu, through, ctx.now) for pairs in breathing(found.by_connection.values())]
    flows += [_absent(pair, mtu, through) for pair in breathing(found.absent)]
    chosen = tuple(flow for flow in flows if peer in (None, flow.remote))
    return ProtectedInterface(name, state.source, chosen, state.vrf) if chosen or peer is None else None


def _flow(pairs: list[SaView], mtu: int, through: str, now: float) -> ProtectedFlow:
    newest = next((pair for pair in reversed(pairs) if pair.used), pairs[-1])
    counts = [pair.count for pair in pairs if pair.count is not None]
    counts += [pair.before for pair in pairs if pair.before is not None][:1]
    connection = newest.connection
    udp = bool(connection.remote_port)
    return ProtectedFlow(
        local=connection.local,
        remote=connection.remote,
        remote_port=connection.remote_port or _IKE_PORT,
        local_selector=newest.local_selector,
        remote_selector=newest.remote_selector,
        encrypted=sum(count.sent for count in counts),
        decrypted=sum(count.received for count in counts),
        unsent=sum(count.unsent for count in counts),
        broken=sum(count.broken for count in counts),
        replayed=sum(count.replayed for count in counts),
        plaintext_mtu=plaintext_mtu(
            newest.transform, mtu, transport=newest.transport, udp=udp, version=connection.remote.version
        ),
        path_mtu=mtu,
        path_interface=through,
        pfs_group=newest.pfs_group,
        pairs=tuple(_sa.row(PairLine, pair, now) for pair in pairs),
    )


def _absent(pair: ProtectedPair, mtu: int, through: str) -> ProtectedFlow:
    mask = "255.255.255.255" if pair.remote.version == 4 else "128"
    return ProtectedFlow(
        local=pair.local,
        remote=pair.remote,
        remote_port=_IKE_PORT,
        local_selector=f"{pair.local}/{mask}/47/0",
        remote_selector=f"{pair.remote}/{mask}/47/0",
        plaintext_mtu=mtu,
        path_mtu=mtu,
        path_interface=through,
    )


# -------------------------------------------------------------------------------------------------------- renderers


def render(answer: ShowSas) -> Iterator[str]:
    """Return the lines of `show crypto ipsec sa`."""
    return _lines(answer, detail=False)


def render_detail(answer: ShowSas) -> Iterator[str]:
    """Return the lines with every kind of failure by itself, and the replay window."""
    return _lines(answer, detail=True)


def _lines(answer: ShowSas, *, detail: bool) -> Iterator[str]:
    for interface in answer.interfaces:
        if interface is not answer.interfaces[0]:
            yield ""
        yield f"interface: {interface.name}"
        yield f"    Crypto map tag: {map_name(interface.name)}, local addr {interface.local}"
        for flow in interface.flows:
            yield ""
            yield f"   protected vrf: {interface.vrf or '(none)'}"
            yield from _flow_lines(flow, map_name(interface.name), detail=detail)


def _flow_lines(flow: ProtectedFlow, crypto_map: str, *, detail: bool) -> Iterator[str]:
    yield f"   local  ident (addr/mask/prot/port): ({flow.local_selector})"
    yield f"   remote ident (addr/mask/prot/port): ({flow.remote_selector})"
    yield f"   current_peer {flow.remote} port {flow.remote_port}"
    yield "     PERMIT, flags={origin_is_acl,}"
    yield from _counter_lines(flow, detail=detail)
    yield ""
    yield f"     local crypto endpt.: {flow.local}, remote crypto endpt.: {flow.remote}"
    yield (
        f"     plaintext mtu {flow.plaintext_mtu}, path mtu {flow.path_mtu}, ip mtu {flow.path_mtu}, "
        f"ip mtu idb {flow.path_interface}"
    )
    yield f"     current outbound spi: {_spi(flow.outbound_spi)}"
    group = f"group{flow.pfs_group}" if flow.pfs_group else "none"
    yield f"     PFS (Y/N): {'Y' if flow.pfs_group else 'N'}, DH group: {group}"
    for way in ("inbound", "outbound"):
        yield ""
        yield f"     {way} esp sas:"
        for pair in flow.pairs:
            yield from _sa_lines(pair, crypto_map, inbound=way == "inbound", detail=detail)
        yield from ("", f"     {way} ah sas:", "", f"     {way} pcp sas:")


def _counter_lines(flow: ProtectedFlow, *, detail: bool) -> Iterator[str]:
    sent, received = flow.encrypted, flow.decrypted
    yield f"    #pkts encaps: {sent}, #pkts encrypt: {sent}, #pkts digest: {sent}"
    yield f"    #pkts decaps: {received}, #pkts decrypt: {received}, #pkts verify: {received}"
    yield "    #pkts compressed: 0, #pkts decompressed: 0"
    yield "    #pkts not compressed: 0, #pkts compr. failed: 0"
    yield "    #pkts not decompressed: 0, #pkts decompress failed: 0"
    if not detail:
        yield f"    #send errors {flow.unsent}, #recv errors {flow.broken + flow.replayed}"
        return
    yield "    #pkts no sa (send) 0, #pkts invalid sa (rcv) 0"
    yield f"    #pkts encaps failed (send) {flow.unsent}, #pkts decaps failed (rcv) 0"
    yield f"    #pkts invalid prot (recv) 0, #pkts verify failed: {flow.broken}"
    yield "    #pkts invalid identity (recv) 0, #pkts invalid len (rcv) 0"
    yield "    #pkts replay rollover (send): 0, #pkts replay rollover (rcv) 0"
    yield f"    ##pkts replay failed (rcv): {flow.replayed}"
    yield "    #pkts tagged (send): 0, #pkts untagged (rcv): 0"
    yield "    #pkts not tagged (send): 0, #pkts not untagged (rcv): 0"
    yield "    #pkts internal err (send): 0, #pkts internal err (recv) 0"


def _sa_lines(pair: PairLine, crypto_map: str, *, inbound: bool, detail: bool) -> Iterator[str]:
    number = 1999 + 2 * pair.number + (0 if inbound else 1)
    left = pair.received_left if inbound else pair.sent_left
    mode = ("Transport" if pair.transport else "Tunnel") + (" UDP-Encaps" if pair.udp else "")
    yield f"      spi: {_spi(pair.spi_in if inbound else pair.spi_out)}"
    yield f"        transform: {pair.transform} ,"
    yield f"        in use settings ={{{mode}, }}"
    yield (
        f"        conn id: {number}, flow_id: SW:{number - 2000}, sibling_flags {_SIBLINGS[pair.transport]}, "
        f"crypto map: {crypto_map}"
    )
    if left is None:
        yield f"        sa timing: remaining key lifetime (sec): {pair.seconds_left}"
        yield "        Kilobyte Volume Rekey has been disabled"
    else:
        yield f"        sa timing: remaining key lifetime (k/sec): ({left}/{pair.seconds_left})"
    yield f"        IV size: {pair.vector} bytes"
    window = f"  replay window size: {pair.window}" if detail else ""
    yield f"        replay detection support: {'Y' if pair.window else 'N'}{window}"
    yield "        Status: ACTIVE(ACTIVE)"


def _spi(number: int) -> str:
    return f"0x{number:X}({number})"


_HELP: Final = {
    "ipsec": "IP security",
    "sa": "Security associations",
    "interface": "Of one tunnel",
    "peer": "With one peer, by its address",
    "vrf": "By the VRF of the packets inside",
    "detail": "With every kind of failure by itself",
}
_WHICH: Final = "[ interface {interface:interface} | peer ( {peer:address} | {peer:address6} ) | vrf {vrf:word} ]"


class EngineConnection(Value, kw_only=True):
    """One direction of an SA.

    number: of the SA, from 1: a pair has an odd and an even one.
    encrypted, decrypted: packets; last_sequence: the ESP sequence number of the last one.
    """

    number: int
    algorithm: str
    encrypted: int
    decrypted: int
    last_sequence: int
    local: IPAddress


class ShowEngine(Value):
    """The answer to `show crypto engine connections active`."""

    connections: tuple[EngineConnection, ...]


def query_engine(ctx: ShowContext, _: Args) -> ShowEngine:
    """Return both directions of all SAs, in the order in which these were negotiated."""
    found: list[EngineConnection] = []
    for place, view in enumerate(breathing(fresh(ctx.ports.protection.sas(), ctx.counting))):
        sent, received = (view.count.sent, view.count.received) if view.count is not None else (0, 0)
        # Cipher and hash: "AES256+SHA256", "AES-GCM256".
        transform = view.transform
        name = "AES-GCM" if transform.cipher is EspCipher.AES_GCM else "AES"
        hashed = "" if transform.hash is None else f"+{transform.hash.value.upper()}"
        algorithm = f"{name}{transform.bits}{hashed}"
        for number, encrypted, decrypted in ((2 * place + 1, 0, received), (2 * place + 2, sent, 0)):
            found.append(
                EngineConnection(
                    number=number,
                    algorithm=algorithm,
                    encrypted=encrypted,
                    decrypted=decrypted,
                    last_sequence=encrypted or decrypted,
                    local=view.connection.local,
                )
            )
    return ShowEngine(tuple(found))


def render_engine(answer: ShowEngine) -> Iterator[str]:
    """Yield a table."""
    yield "Crypto Engine Connections"
    yield ""
    yield "   ID  Type    Algorithm           Encrypt  Decrypt LastSeqN IP-Address"
    for one in answer.connections:
        yield (
            f"{one.number:>5}  IPsec   {one.algorithm:<18} {one.encrypted:>8} {one.decrypted:>8} "
            f"{one.last_sequence:>8} {one.local}"
        )
    yield ""


COMMANDS: Final = (
    ExecCommand(f"show crypto ipsec sa {_WHICH}", _HELP, query=query, render=render),
    ExecCommand(f"show crypto ipsec sa {_WHICH} detail", _HELP, query=query, render=render_detail),
    ExecCommand(
        "show crypto engine connections active",
        {
            "engine": "What encrypts and decrypts",
            "connections": "Security associations",
            "active": "Each direction, with the packets that passed",
        },
        query=query_engine,
        render=render_engine,
    ),
)
