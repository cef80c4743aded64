"""Our IKE on real sockets, for tests against other implementations: one line of JSON in, one out.

    {"do": "connect"}, {"do": "rekey-child"}, {"do": "rekey-ike"}, {"do": "close"}, {"do": "state"}
    {"do": "knock"}: begin what is never ended

Run as `python -m support.ike_daemon LOCAL REMOTE SETTINGS`, where SETTINGS is JSON.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from dmvpn.base.protection import IkeVersion, ProtectionPolicy
from dmvpn.base.reasons import Reason
from dmvpn.features.ike.config import model as ikev2
from dmvpn.features.ike.crypto.certificates import Anchors
from dmvpn.features.ike.peer_settings import IKE_PORT, NAT_PORT, ChildTerms, Endpoint, Terms
from dmvpn.features.ike.peer_settings import DatagramPath as Wire
from dmvpn.features.ike.session import Reply, Transmit
from dmvpn.features.ike.settings import ConfiguredSettings
from dmvpn.features.ike.suites import Suite
from dmvpn.features.ike.trust import Trust
from dmvpn.features.ike.v2.exchanges import RekeyChild, RekeyIke
from support.ike_net import IkeNet, Settings, Site
from support.pki import Console, paste
from support.texts import because

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.ike.identity import Identification
    from dmvpn.features.ike.model import Profile

_MARKER = bytes(4)


class LanSettings(ConfiguredSettings):
    """Peer settings except for selectors: charon without a kernel takes tunnels between two LANs, and nothing else."""

    lan: ChildTerms | None = None

    def _terms(
        self,
        profile: Profile,
        policy: ProtectionPolicy,
        remote: IPAddress,
        theirs: Identification | None,
        version: IkeVersion = IkeVersion.V2,
    ) -> Terms | Reason:
        terms = super()._terms(profile, policy, remote, theirs, version)
        return terms if isinstance(terms, Reason) or self.lan is None else replace(terms, child=self.lan)


@dataclass(frozen=True)
class Written:
    """A configuration, and files of certificates for its trustpoint LAB, pasted at the prompt of a router."""

    configuration: str
    files: tuple[Path, ...]

    def peer_settings(self, local: IPv4Address, settings: Settings) -> LanSettings:
        console = Console()
        status, said = console.type(*paste("LAB", [path.read_bytes() for path in self.files]))
        assert status == 0, said
        status, said = console.type("configure terminal", *self.configuration.splitlines(), "end")
        assert status == 0, said
        config = ikev2(console.router.running)
        assert config is not None
        policy = ProtectionPolicy(name="DMVPN", local=local, ikev2_profile="IKE", transforms=())
        peer_settings = LanSettings(config, (policy,), Trust(console.router.ports))
        peer_settings.lan = Site(IkeNet(), str(local), settings, 1).terms_with(local).child
        return peer_settings


class Daemon(IkeNet):
    """A net of one site whose wires are sockets."""

    def __init__(self, local: str, settings: Settings, written: Written | None = None) -> None:
        super().__init__(seed=int(time.time_ns()))
        self.now = time.monotonic()
        self.sockets = {port: self._open(local, port) for port in (IKE_PORT, NAT_PORT)}
        self.peer_settings = written.peer_settings(IPv4Address(local), settings) if written else None
        self.me = self.site(local, settings, peer_settings=self.peer_settings)

    @staticmethod
    def _open(local: str, port: int) -> socket.socket:
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.bind((local, port))
        opened.setblocking(False)
        return opened

    def send(self, site: Site, path: Wire, octets: bytes) -> None:
        """Out, with the non-ESP marker on port 4500."""
        port = path.local.port
        marked = _MARKER + octets if port == NAT_PORT else octets
        self.sockets[port].sendto(marked, (str(path.remote.address), path.remote.port))

    def receive(self, port: int) -> None:
        """In; ESP and keepalives on port 4500 are not for us."""
        octets, (address, remote_port) = self.sockets[port].recvfrom(65_535)
        if port == NAT_PORT:
            if octets[:4] != _MARKER:
                return
            octets = octets[4:]
        path = Wire(Endpoint(self.me.address, port), Endpoint(IPv4Address(address), remote_port))
        self.me.take(self.me.sas.handle(octets, path, self.now))

    def serve(self, remote: str) -> None:
        """Until standard input ends."""
        while True:
            deadline = self.me.sas.next_deadline()
            wait = 1.0 if deadline is None else min(1.0, max(0.0, deadline - time.monotonic()))
            ready, _, _ = select.select([sys.stdin, *self.sockets.values()], [], [], wait)
            self.now = time.monotonic()
            for port, opened in self.sockets.items():
                if opened in ready:
                    self.receive(port)
            self.me.take(self.me.sas.tick(self.now))
            if sys.stdin in ready:
                line = sys.stdin.readline()
                if not line:
                    return
                self.obey(json.loads(line)["do"], remote)
                print(json.dumps(self.state()), flush=True)

    def obey(self, what: str, remote: str) -> None:
        """An order of the test."""
        sas = list(self.me.sas)
        match what:
            case "connect":
                self.me.connect(remote, self._terms(remote))
            case "knock":
                Site(self, str(self.me.address), self.me.settings, 7).connect(remote, self._terms(remote))
            case "rekey-child":
                child = next(iter(sas[-1].children))
                sas[-1].children.begin_rekey(child.spi_in)
                self.me.take(sas[-1].begin(RekeyChild(sas[-1], child), self.now))
            case "rekey-ike":
                self.me.take(sas[-1].begin(RekeyIke(sas[-1]), self.now))
            case "close":
                for sa in sas:
                    self.me.take(self.me.sas.close(sa, because("the test is over"), self.now))

    def _terms(self, remote: str) -> Terms | None:
        """As the configuration says, if there is one."""
        if self.peer_settings is None:
            return None
        terms = self.peer_settings.to(self.peer_settings.policies[0], IPv4Address(remote))
        assert isinstance(terms, Terms), terms
        return terms

    def state(self) -> dict[str, object]:
        """Return what the test may see."""
        return {
            "sas": [{"spi_i": sa.spi_i.hex(), "spi_r": sa.spi_r.hex(), "state": sa.state.name} for sa in self.me.sas],
            "children": [
                {"in": child.spi_in.hex(), "out": child.spi_out.hex(), "udp": child.udp, "transport": child.transport}
                for child in self.me.children
            ],
            "troubles": self.me.troubles,
            "transmissions": len([output for output in self.me.outputs if isinstance(output, Transmit | Reply)]),
        }


def settings_of(text: str) -> Settings:
    """Suites come as lists of numbers."""
    given = json.loads(text)
    for name in ("suites", "esp"):
        if name in given:
            given[name] = tuple(Suite(*numbers) for numbers in given[name])
    if "pfs" in given:
        given["pfs"] = tuple(given["pfs"])
    if "secret" in given:
        given["secret"] = given["secret"].encode()
    given.pop("configuration", None)
    folder = Path(given.pop("certificates", ""))
    if folder.name:
        key = load_pem_private_key((folder / "ours.key").read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
        certificate = x509.load_pem_x509_certificate((folder / "ours.pem").read_bytes())
        authority = x509.load_pem_x509_certificate((folder / "authority.pem").read_bytes())
        given |= {"key": key, "chain": (certificate.public_bytes(Encoding.DER),), "anchors": Anchors((authority,))}
    return replace(Settings(), **given)


def written_of(text: str) -> Written | None:
    """Return a configuration that uses the certificates."""
    given = json.loads(text)
    if "configuration" not in given:
        return None
    files = tuple(Path(given["certificates"]) / name for name in ("authority.pem", "ours.pem", "ours.key"))
    return Written(given["configuration"], files)


if __name__ == "__main__":
    Daemon(sys.argv[1], settings_of(sys.argv[3]), written_of(sys.argv[3])).serve(sys.argv[2])
