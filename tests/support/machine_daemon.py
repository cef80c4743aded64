"""Our IKE machine with a written configuration on real sockets, for tests against others: a line of JSON in, one out.

    {"do": "want"}      IPsec wants SAs with the peer; "unwant": no more
    {"do": "renew"}     replace all pairs
    {"do": "replace"}   replace all IKE SAs, as if their lifetime were nearly over
    {"do": "ask"}       ask the peer whether it lives
    {"do": "close"}     end everything, with a message to the peer
    {"do": "deafen"}    lose whatever comes; "hear": no more
    {"do": "state"}     nothing

Run as `python -m support.machine_daemon LOCAL REMOTE SETTINGS`, where SETTINGS is JSON: the configuration's `text`, and
what is not usual in the tunnel's `policy`; perhaps the `credentials` of a trustpoint, in hexadecimal digits.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, cast

from dmvpn.base.events import IpReceived, Tick
from dmvpn.base.negotiation import ConnectionSilent, ConnectionUnwanted, SaRenewalWanted
from dmvpn.base.protection import Credentials, Encapsulation, EspCipher, EspHash, EspTransform
from dmvpn.features.ike.peer_settings import IKE_PORT, NAT_PORT
from dmvpn.net.ip import UdpDatagram
from support.fakes import FakePki
from support.ike_machines import Changes, MachineNet, Node

if TYPE_CHECKING:
    from dmvpn.base.effects import SendIp

_LONGEST_WAIT = 1.0


class Daemon(MachineNet):
    """A net of one router whose wires are sockets."""

    def __init__(self, local: str, text: str, policy: Changes) -> None:
        super().__init__(now=time.monotonic())
        self._sockets = {port: _opened(local, port) for port in (IKE_PORT, NAT_PORT)}
        self._is_deaf, self._largest = False, 0
        self.me = self.node(local, text, seed=str(time.time_ns()), **policy)

    def certify(self, given: dict[str, Any]) -> None:
        """Give it a trustpoint."""
        pki = self.me.ports.pki
        assert isinstance(pki, FakePki)
        chain, anchors = (tuple(map(bytes.fromhex, given[name])) for name in ("chain", "anchors"))
        key = bytes.fromhex(given["key"])
        pki.known["LAB"] = Credentials(trustpoint="LAB", chain=chain, key=key, anchors=anchors)

    def send(self, node: Node, sent: SendIp) -> None:
        """Out by the socket of its port."""
        assert isinstance(sent.source, IPv4Address)
        assert isinstance(sent.destination, IPv4Address)
        datagram = UdpDatagram.parse(sent.payload, sent.source, sent.destination)
        self._largest = max(self._largest, len(datagram.payload))
        where = (str(sent.destination), datagram.destination_port)
        self._sockets[datagram.source_port].sendto(datagram.payload, where)

    def receive(self, port: int) -> None:
        """In, as a packet would come."""
        octets, (address, remote_port) = self._sockets[port].recvfrom(65_535)
        if self._is_deaf:
            return
        source, local = IPv4Address(address), self.me.address
        payload = UdpDatagram(source_port=remote_port, destination_port=port, payload=octets).serialize(source, local)
        self.me.tell(IpReceived("GigabitEthernet1", source, local, 17, payload))

    def serve(self, remote: str) -> None:
        """Until standard input ends."""
        while True:
            deadline = self.me.machine.next_deadline()
            wait = _LONGEST_WAIT if deadline is None else deadline - time.monotonic()
            inputs = [sys.stdin, *self._sockets.values()]
            ready, _, _ = select.select(inputs, [], [], min(_LONGEST_WAIT, max(0.0, wait)))
            self.now = time.monotonic()
            for port, opened in self._sockets.items():
                if opened in ready:
                    self.receive(port)
            deadline = self.me.machine.next_deadline()
            if deadline is not None and deadline <= self.now:
                self.me.tell(Tick())
            if sys.stdin in ready:
                line = sys.stdin.readline()
                if not line:
                    return
                self.obey(json.loads(line)["do"], remote)
                print(json.dumps(self.state()), flush=True)

    def obey(self, what: str, remote: str) -> None:
        """Do what the test says."""
        me = self.me
        match what:
            case "want" | "unwant":
                me.want(remote, wanted=what == "want")
            case "renew":
                for spi in tuple(me.pairs):
                    me.tell(SaRenewalWanted(spi))
            case "replace":
                for sa in me.machine.peers.table:
                    sa.rekey_at = self.now
                self.obey("ask", remote)  # it looks at its deadlines again
            case "ask":
                for number in tuple(me.connections):
                    me.tell(ConnectionSilent(number))
            case "close":
                for number in tuple(me.connections):
                    me.tell(ConnectionUnwanted(number, "the test is over"))
            case "deafen" | "hear":
                self._is_deaf = what == "deafen"

    def state(self) -> dict[str, object]:
        """Return what the test may see."""
        me = self.me
        return {
            "sas": [
                {
                    "version": int(view.version),
                    "phase": view.phase.value,
                    "cookies": "".join(
                        spi.hex() for spi in (view.local_spi, view.remote_spi)[:: 1 if view.initiator else -1]
                    ),
                    "identity": view.remote_identity,
                    "nat": [view.nat_inside, view.nat_outside],
                    "heard": view.heard,
                    "fragments": view.fragmentation,
                }
                for view in me.machine.sas()
            ],
            "pairs": [
                {
                    "in": f"{pair.sa.spi_in:08x}",
                    "out": f"{pair.sa.spi_out:08x}",
                    "ports": [pair.sa.local_port, pair.sa.remote_port],
                    "tunnel": pair.sa.tunnel_mode,
                    "group": pair.view.pfs_group,
                }
                for pair in me.pairs.values()
            ],
            "largest": self._largest,
            "logs": me.logs,
            "refused": {str(address): str(why) for address, why in me.machine.refused.items()},
        }


def _opened(local: str, port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.bind((local, port))
    opened.setblocking(False)
    return opened


def changes_of(given: dict[str, Any]) -> Changes:
    """Return what is not usual in a policy. Algorithms come by their names: cipher, bits, hash if there is one."""
    changed = dict(given)
    if "transforms" in given:
        changed["transforms"] = tuple(
            EspTransform(EspCipher[cipher], bits, *(EspHash[name] for name in names))
            for cipher, bits, *names in given["transforms"]
        )
    if "encapsulation" in given:
        changed["encapsulation"] = Encapsulation[given["encapsulation"]]
    return cast("Changes", changed)


if __name__ == "__main__":
    _settings = json.loads(sys.argv[3])
    _daemon = Daemon(sys.argv[1], _settings["text"], changes_of(_settings["policy"]))
    if _settings.get("credentials"):
        _daemon.certify(_settings["credentials"])
    _daemon.serve(sys.argv[2])
