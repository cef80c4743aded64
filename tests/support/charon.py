"""strongSwan's charon and our IKE in two network namespaces, with a wire between them.

charon runs with kernel-libipsec: ESP in user space, which needs no IPsec in the kernel, but takes only tunnel mode in
UDP. So everything of IKE can be tried, and no packet is sent through what it makes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from support.command import SOURCE
from support.texts import file_text

if TYPE_CHECKING:
    from types import TracebackType

CHARON = Path("/usr/lib/ipsec/charon")
OUR_ADDRESS, THEIR_ADDRESS = "10.77.0.2", "10.77.0.1"
OUR_LAN, THEIR_LAN = "10.2.0.1", "10.1.0.1"
SECRET = "between us"
_PLUGINS = (
    "random nonce aes sha1 sha2 hmac kdf gcm openssl curve25519 pem pkcs1 pkcs8 pubkey x509 constraints "
    "kernel-libipsec kernel-netlink socket-default vici"
)
_STRONGSWAN = file_text("charon_strongswan.conf")
_SWANCTL = file_text("charon_swanctl.conf")
_BY_SECRET = "  local { auth = psk }\n  remote { auth = psk }"
_BY_CERTIFICATE = """\
  local {{
    auth = {auth}
    certs = {folder}/theirs.pem
    id = charon.example }}
  remote {{
    auth = {auth}
    cacerts = {folder}/authority.pem
    id = ours.example }}"""


def missing() -> str:
    """Return what this machine lacks, "" if nothing."""
    if os.geteuid() != 0:
        return "needs root, for network namespaces"
    if not CHARON.exists() or shutil.which("swanctl") is None:
        return "no charon here: scripts/debian-packages interop"
    return ""


@dataclass(frozen=True, slots=True)
class Peer:
    """How charon is configured.

    certificates: what kind of keys: "rsa" or "ecdsa"; "": a secret.
    uses: what its certificate is for (extended key usage), in the words of strongSwan's `pki`.
    flow: what its child SA is for, in the words of swanctl: protocol and port.
    proofs: its sections `local` and `remote`, if they are neither about a secret nor about a certificate.
    more: lines of the connection.
    """

    ike: str = "aes256-sha256-x25519,aes256gcm16-prfsha384-ecp256"
    esp: str = "aes256gcm16-x25519,aes256gcm16"
    cookies: int = 30
    fragment: int = 1280
    secret: str = SECRET
    certificates: str = ""
    uses: tuple[str, ...] = ()
    flow: str = "gre"
    proofs: str = ""
    more: str = ""


class Bed:
    """Two namespaces; charon in one, our IKE in the other."""

    def __init__(self, peer: Peer, settings: dict[str, object]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dmvpn-ike-"))
        tag = f"ike{os.getpid()}"
        self._theirs, self._ours = f"{tag}a", f"{tag}b"
        self._peer, self._settings = peer, dict(settings)
        self._charon: subprocess.Popen[bytes] | None = None
        self._daemon: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        for name in (self._theirs, self._ours):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("link", "add", "wire", "netns", self._theirs, "type", "veth", "peer", "name", "wire", "netns", self._ours)
        for name, address in ((self._theirs, THEIR_ADDRESS), (self._ours, OUR_ADDRESS)):
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", "wire")
            _ip("-n", name, "link", "set", "wire", "up")
        _ip("-n", self._theirs, "addr", "add", f"{THEIR_LAN}/32", "dev", "lo")
        if self._peer.certificates:
            self._settings |= {"certificates": str(self.folder), "identity": "ours.example"}
            self._issue(self._peer.certificates)
        self._start_charon()
        settings = {"transport": False, "secret": SECRET, "selectors": [OUR_LAN, THEIR_LAN], **self._settings}
        words = [sys.executable, "-m", "support.ike_daemon", OUR_ADDRESS, THEIR_ADDRESS, json.dumps(settings)]
        self._daemon = subprocess.Popen(
            ["ip", "netns", "exec", self._ours, *words],
            env={**os.environ, "PYTHONPATH": f"{SOURCE}:{Path(__file__).parents[1]}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.do("state")  # it listens
        return self

    def _issue(self, kind: str) -> None:
        """A small authority, by strongSwan's own tool, so that both sides read what a third one wrote."""
        size = ["--size", "2048"] if kind == "rsa" else ["--size", "256"]
        for name in ("authority", "ours", "theirs"):
            self._pki(f"{name}.key", "--gen", "--type", kind, *size, "--outform", "pem")
        authority = ["--ca", "--dn", "CN=Test Authority", "--outform", "pem"]
        self._pki("authority.pem", "--self", "--in", str(self.folder / "authority.key"), *authority)
        for name, identity in (("ours", "ours.example"), ("theirs", "charon.example")):
            public = str(self.folder / f"{name}.key")
            issuer = ["--cacert", str(self.folder / "authority.pem"), "--cakey", str(self.folder / "authority.key")]
            names = ["--dn", f"CN={identity}", "--san", identity, "--outform", "pem"]
            if name == "theirs":
                names += [word for use in self._peer.uses for word in ("--flag", use)]
            self._pki(f"{name}.pem", "--issue", "--type", "priv", "--in", public, *issuer, *names)
        for folder, source in (("private", "theirs.key"), ("x509", "theirs.pem"), ("x509ca", "authority.pem")):
            (self.folder / folder).mkdir()
            shutil.copy(self.folder / source, self.folder / folder)

    def _pki(self, output: str, *words: str) -> None:
        done = subprocess.run(["pki", *words], capture_output=True, check=True, timeout=30)
        (self.folder / output).write_bytes(done.stdout)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._daemon is not None:
            self._daemon.communicate(timeout=10)
        if self._charon is not None:
            self._charon.terminate()
            self._charon.wait(timeout=10)
        for name in (self._theirs, self._ours):
            _ip("netns", "del", name)
        shutil.rmtree(self.folder)

    # ------------------------------------------------------------------------------------------------ charon

    def _start_charon(self) -> None:
        peer = self._peer
        text = _STRONGSWAN.format(plugins=_PLUGINS, folder=self.folder, cookies=peer.cookies, fragment=peer.fragment)
        (self.folder / "strongswan.conf").write_text(text)
        text = _SWANCTL.format(
            theirs=THEIR_ADDRESS,
            ours=OUR_ADDRESS,
            their_lan=THEIR_LAN,
            our_lan=OUR_LAN,
            ike=peer.ike,
            esp=peer.esp,
            secret=peer.secret,
            proofs=peer.proofs or self._proofs,
            flow=peer.flow,
            more=peer.more,
        )
        (self.folder / "swanctl.conf").write_text(text)
        # it keeps its process number in /run, where another charon of this machine may have one
        private_run = f"mount -t tmpfs none /run && exec {CHARON}"
        self._charon = subprocess.Popen(
            ["ip", "netns", "exec", self._theirs, "unshare", "-m", "sh", "-c", private_run],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(100):
            if (self.folder / "vici").exists():
                break
            time.sleep(0.05)
        self.swanctl("--load-all", "--file", str(self.folder / "swanctl.conf"))

    @property
    def _proofs(self) -> str:
        by_certificate = _BY_CERTIFICATE.format(auth="pubkey", folder=self.folder)
        return by_certificate if self._peer.certificates else _BY_SECRET

    @property
    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "STRONGSWAN_CONF": str(self.folder / "strongswan.conf"),
            "SWANCTL_DIR": str(self.folder),
        }

    def swanctl(self, *words: str) -> str:
        """Return what swanctl says; it may fail."""
        done = subprocess.run(
            ["swanctl", *words, "--uri", f"unix://{self.folder}/vici"],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.stdout + done.stderr

    @property
    def log(self) -> str:
        """What charon wrote."""
        return (self.folder / "charon.log").read_text()

    # ------------------------------------------------------------------------------------------------ ours

    def do(self, what: str) -> dict[str, Any]:
        """Give our side an order; its state."""
        daemon = self._daemon
        assert daemon is not None
        assert daemon.stdin is not None
        assert daemon.stdout is not None
        daemon.stdin.write(json.dumps({"do": what}) + "\n")
        daemon.stdin.flush()
        state: dict[str, Any] = json.loads(daemon.stdout.readline())
        return state

    def until(self, condition: str, seconds: float = 10.0) -> dict[str, Any]:
        """Wait until our side has what `condition` asks: "children", "no sas", "troubles"."""
        end, state = time.monotonic() + seconds, self.do("state")
        wanted, name = not condition.startswith("no "), condition.removeprefix("no ")
        while bool(state[name]) is not wanted and time.monotonic() < end:
            time.sleep(0.05)
            state = self.do("state")
        assert bool(state[name]) is wanted, (state, self.log[-3000:])
        return state


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=10)
