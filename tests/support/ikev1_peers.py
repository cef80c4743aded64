"""Daemons of others that speak IKEv1: strongSwan's charon and libreswan's pluto, each beside our IKE, in namespaces.

    ours    10.77.0.2 ---- wire ---- 10.77.0.1    theirs      (behind a NAT: 192.168.7.2, and the NAT has that address)
                             |
                             +------ 192.168.8.2  beside      (another one of theirs behind the same NAT)

Both want IPsec of the kernel for transport mode. Kernels without ESP are common, so a small library is between
(`esp_accepted.c`): it accepts every SA, and only IKE is real.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from support.charon import CHARON, missing
from support.command import SOURCE
from support.pki import hexadecimal, pem_files, pkcs_12
from support.texts import file_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

OURS, THEIRS = "10.77.0.2", "10.77.0.1"
INSIDE, GATEWAY = "192.168.7.2", "192.168.7.1"
BESIDE, ITS_GATEWAY = "192.168.8.2", "192.168.8.1"
SECRET = "between-us"
_UNPACKED = Path(__file__).parents[1] / "interop" / "uml" / "peers"
_SOURCE = Path(__file__).with_name("esp_accepted.c")
#: Seconds until a condition is given up.
PATIENCE = 20.0


def missing_for(daemon: type[Peer]) -> str:
    """Return what this machine lacks for a daemon, "" if nothing."""
    if shutil.which("cc") is None:
        return "no C compiler here"
    if problem := missing():
        return problem
    if daemon is Pluto and not (_UNPACKED / "usr/libexec/ipsec/pluto").exists():
        return "libreswan is not unpacked. Run: scripts/debian-packages interop"
    return ""


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a daemon is configured, in words that both understand.

    encryption, hash, group: of main mode; quick mode has the same.
    pfs: a group in quick mode.
    dpd: seconds of silence until it asks, 0: never.
    ike_seconds, child_seconds: lifetimes, 0: its own default.
    encapsulate: it pretends that there is a NAT.
    fragment: large messages always go in fragments, of so many octets.
    identity: a name, else its address.
    signs: both ends prove themselves by certificates.
    padded: messages in clear end with zeros, as pluto fills them up; only for pluto.
    log: charon's level of what it writes about IKE.
    version: of IKE; pluto is only for 1.
    """

    encryption: str = "aes256"
    hash: str = "sha256"
    group: int = 2048
    pfs: bool = False
    secret: str = SECRET
    dpd: int = 0
    ike_seconds: int = 0
    child_seconds: int = 0
    encapsulate: bool = False
    fragment: int = 0
    identity: str = ""
    signs: bool = False
    padded: bool = False
    log: int = 2
    version: int = 1


class Wire:
    """Two namespaces and a cable, or a NAT in the place of the cable.

    behind_nat: "ours" or "theirs".
    beside: there is another one of theirs behind the NAT.
    """

    def __init__(self, behind_nat: str = "", *, beside: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dmvpn-ikev1-"))
        self.addresses = {"ours": OURS, "theirs": THEIRS}
        self._behind, self._beside = behind_nat, beside
        self._cleanup = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as cleanup:
            cleanup.callback(shutil.rmtree, self.folder)
            names = ("ours", "theirs", *(("nat",) if self._behind else ()), *(("beside",) if self._beside else ()))
            for name in names:
                _run("ip", "netns", "add", self.namespace(name))
                cleanup.callback(_run, "ip", "netns", "del", self.namespace(name))
                self.inside(name, "ip", "link", "set", "lo", "up")
            if self._behind:
                outer = "theirs" if self._behind == "ours" else "ours"
                self._cable("nat", outer, "out", self.addresses[self._behind], self.addresses[outer])
                self._put_inside(self._behind, "in", GATEWAY, INSIDE)
                if self._beside:
                    self._put_inside("beside", "in2", ITS_GATEWAY, BESIDE)
                self.inside("nat", "sysctl", "-qw", "net.ipv4.ip_forward=1")
                self.inside("nat", "iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "out", "-j", "MASQUERADE")
            else:
                self._cable("ours", "theirs", "wire", OURS, THEIRS)
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    def _put_inside(self, name: str, cable: str, gateway: str, address: str) -> None:
        self._cable("nat", name, cable, gateway, address)
        self.addresses[name] = address
        self.inside(name, "ip", "route", "add", "default", "via", gateway)

    def _cable(self, one: str, other: str, name: str, address: str, other_address: str) -> None:
        far_end = ("peer", "name", name, "netns", self.namespace(other))
        _run("ip", "link", "add", name, "netns", self.namespace(one), "type", "veth", *far_end)
        for end, own in ((one, address), (other, other_address)):
            self.inside(end, "ip", "addr", "add", f"{own}/24", "dev", name)
            self.inside(end, "ip", "link", "set", name, "up")

    def namespace(self, name: str) -> str:
        """Return the name of a namespace, as `ip netns` has it."""
        return f"{name}{os.getpid()}"

    def inside(self, name: str, *words: str) -> str:
        """Run a command in a namespace."""
        return _run("ip", "netns", "exec", self.namespace(name), *words)

    def start(self, name: str, *words: str, **variables: str) -> subprocess.Popen[bytes]:
        """Start a daemon in a namespace, with folders of its own where daemons keep what must be only once."""
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.namespace(name), "unshare", "-m", *words],
            env={**os.environ, **variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

        def stop() -> None:
            process.terminate()
            process.wait(timeout=15)

        self.at_end(stop)
        return process

    def at_end(self, what: Callable[[], object]) -> None:
        """Do something before the wire is taken away."""
        self._cleanup.callback(what)


class Peer(ABC):
    """A daemon. SPIs are hexadecimal. place: its namespace."""

    NAME: ClassVar[str]

    def __init__(self, wire: Wire, wishes: Wishes, place: str = "theirs") -> None:
        self.wire, self.wishes, self.place, self.folder = wire, wishes, place, wire.folder / place
        self.folder.mkdir()
        # Compile the library that is between a daemon and its kernel
        made = self.folder / "esp_accepted.so"
        if not made.exists():
            _run("cc", "-shared", "-fPIC", "-O1", "-o", str(made), str(_SOURCE), "-ldl", "-lpthread")
        self.library = str(made)
        self._process = self.start()

    @abstractmethod
    def start(self) -> subprocess.Popen[bytes]:
        """Let it run until the wire is taken away."""

    def kill(self) -> None:
        """Kill it: it says nothing to anybody."""
        self._process.kill()
        self._process.wait(timeout=15)

    def start_again(self) -> None:
        """Let it run again, when it was killed. It knows nothing."""
        for left in (*self.folder.glob("vici"), *self.folder.glob("pluto.*")):
            left.unlink()
        shutil.rmtree(self.folder / "nss", ignore_errors=True)
        self._process = self.start()

    @abstractmethod
    def initiate(self) -> str:
        """Let it begin; returns what it says of that."""

    @abstractmethod
    def isakmp_sas(self) -> set[str]:
        """Return the established ISAKMP SAs, by names of its own."""

    @abstractmethod
    def pairs(self) -> set[tuple[str, str]]:
        """Return the pairs on which it sends: what it receives on, and what it sends on."""

    @abstractmethod
    def replace_pair(self) -> None:
        """Let it replace the pair by a quick mode."""

    @abstractmethod
    def end_pair(self) -> None:
        """Let it delete the pair alone."""

    @abstractmethod
    def end(self) -> None:
        """Let it delete everything."""

    @property
    @abstractmethod
    def log(self) -> str:
        """What it wrote."""

    def waits(self, what: str, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Wait until something is so."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"waited for {what}\n{self.log[-4000:]}"
            time.sleep(0.1)


def _run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=30).stdout


# ------------------------------------------------------------------------------------------------------------- charon

_STRONGSWAN = file_text("ikev1_strongswan.conf")
_SWANCTL = file_text("ikev1_swanctl.conf")


class Charon(Peer):
    """strongSwan's charon."""

    NAME = "charon"

    def start(self) -> subprocess.Popen[bytes]:
        wishes = self.wishes
        fragment = f"fragment_size = {wishes.fragment}" if wishes.fragment else ""
        (self.folder / "strongswan.conf").write_text(
            _STRONGSWAN.format(folder=self.folder, fragment=fragment, log=wishes.log)
        )
        times = [f"dpd_delay = {wishes.dpd}s\n  dpd_timeout = {4 * wishes.dpd}s"] if wishes.dpd else []
        if wishes.ike_seconds:
            times.append(f"reauth_time = {wishes.ike_seconds}s\n  over_time = 10s\n  rand_time = 0s")
        child_times = [f"rekey_time = {wishes.child_seconds}s\n    rand_time = 0s"] if wishes.child_seconds else []
        if wishes.dpd:
            child_times.append("dpd_action = clear")
        identity = [f"id = {wishes.identity}"] if wishes.identity else []
        if wishes.signs:
            self._certify()
            identity.append("certs = own.pem")
        text = _SWANCTL.format(
            wishes=wishes,
            local=self.wire.addresses[self.place],
            remote=OURS,
            suite=f"{wishes.encryption}-{wishes.hash}",
            pfs=f"-modp{wishes.group}" if wishes.pfs else "",
            encap="yes" if wishes.encapsulate else "no",
            fragmentation="force" if wishes.fragment else "yes",
            identity="\n    ".join(identity),
            method="pubkey" if wishes.signs else "psk",
            named=f"id = {self.wire.addresses['ours']}" if wishes.identity and not wishes.signs else "",
            times="\n  ".join(times),
            child_times="\n    ".join(child_times),
        )
        (self.folder / "swanctl.conf").write_text(text)
        # it keeps its process number in /run, where another charon of this machine may have one
        begin = f"mount -t tmpfs none /run && LD_PRELOAD={self.library} exec {CHARON}"
        process = self.wire.start(self.place, "sh", "-c", begin, STRONGSWAN_CONF=f"{self.folder}/strongswan.conf")
        self.waits("charon", (self.folder / "vici").exists)
        said = self.swanctl("--load-all", "--file", f"{self.folder}/swanctl.conf")
        assert "loaded connection 'ours'" in said, said
        return process

    def _certify(self) -> None:
        """Put its certificate where swanctl looks for it."""
        for name, octets in pem_files("theirs", self.wire.addresses["theirs"]).items():
            file = self.folder / name
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(octets)

    def swanctl(self, *words: str) -> str:
        """Return what swanctl says; it may fail."""
        done = subprocess.run(
            ["swanctl", *words, "--uri", f"unix://{self.folder}/vici"],
            env={**os.environ, "SWANCTL_DIR": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout + done.stderr

    def initiate(self) -> str:
        return self.swanctl("--initiate", "--child", "gre", "--timeout", "15")

    def isakmp_sas(self) -> set[str]:
        found = re.findall(r"ESTABLISHED, IKEv1, ([0-9a-f]{16})_i\*? ([0-9a-f]{16})_r", self.swanctl("--list-sas"))
        return {one + other for one, other in found}

    def pairs(self) -> set[tuple[str, str]]:
        sas = self.swanctl("--list-sas")
        found = re.findall(r"INSTALLED(?:(?!gre:).)*?in +([0-9a-f]{8}).*?out +([0-9a-f]{8})", sas, re.DOTALL)
        return set(found)

    def replace_pair(self) -> None:
        self.swanctl("--rekey", "--child", "gre")

    def end_pair(self) -> None:
        self.swanctl("--terminate", "--child", "gre", "--timeout", "5")

    def end(self) -> None:
        self.swanctl("--terminate", "--ike", "ours", "--timeout", "5")

    @property
    def log(self) -> str:
        return (self.folder / "charon.log").read_text()


# -------------------------------------------------------------------------------------------------------------- pluto

_IPSEC = file_text("ikev1_libreswan.conf")


class Pluto(Peer):
    """libreswan's pluto."""

    NAME = "pluto"

    def start(self) -> subprocess.Popen[bytes]:
        wishes, folder = self.wishes, self.folder
        more = [f"dpddelay={wishes.dpd}\n  dpdtimeout={4 * wishes.dpd}\n  dpdaction=clear"] if wishes.dpd else []
        if wishes.ike_seconds or wishes.child_seconds:
            more.append("rekeymargin=5s\n  rekeyfuzz=0%")
        if wishes.ike_seconds:
            more.append(f"ikelifetime={wishes.ike_seconds}s")
        if wishes.child_seconds:
            more.append(f"salifetime={wishes.child_seconds}s")
        if wishes.encapsulate:
            more.append("encapsulation=yes")
        if wishes.padded:
            more.append("send-vendorid=yes")  # its text makes message 1 no multiple of four
        if wishes.signs:
            more.append(
                f"leftcert=own\n  leftsendcert=always\n  rightca=%same\n  leftid={self.wire.addresses['theirs']}"
            )
        suite = f"{wishes.encryption}-{wishes.hash.replace('sha256', 'sha2_256')}"
        text = _IPSEC.format(
            folder=folder,
            wishes=wishes,
            local=self.wire.addresses["theirs"],
            remote=OURS,
            named=self.wire.addresses["ours"],
            identity=f"leftid=@{wishes.identity}" if wishes.identity else "",
            method="rsasig" if wishes.signs else "secret",
            suite=suite,
            group=f";modp{wishes.group}" if wishes.pfs else "",
            pfs="yes" if wishes.pfs else "no",
            more="\n  ".join(more),
        )
        (folder / "ipsec.conf").write_text(text)
        (folder / "ipsec.secrets").write_text(f': PSK "{wishes.secret}"\n')
        (folder / "nss").mkdir()
        (folder / "empty").write_text("\n")
        _run("certutil", "-N", "-d", f"sql:{folder}/nss", "-f", f"{folder}/empty")
        if wishes.signs:
            (folder / "own.p12").write_bytes(pkcs_12("theirs", self.wire.addresses["theirs"]))
            _run("pk12util", "-i", f"{folder}/own.p12", "-d", f"sql:{folder}/nss", "-W", "", "-K", "")
            _run("certutil", "-M", "-d", f"sql:{folder}/nss", "-n", "ca", "-t", "CT,,")
        files = f"--config {folder}/ipsec.conf --secretsfile {folder}/ipsec.secrets --nssdir {folder}/nss"
        begin = (
            f"mount --bind {_UNPACKED}/usr/libexec /usr/libexec && "
            f"LD_PRELOAD={self.library} exec /usr/libexec/ipsec/pluto --nofork --rundir {folder} {files}"
        )
        process = self.wire.start("theirs", "sh", "-c", begin)
        self.waits("pluto", (folder / "pluto.ctl").exists)
        self.waits("pluto's sockets", lambda: "adding UDP interface" in self.whack("--listen") + self.log)
        added = self._tool("addconn", "--config", f"{folder}/ipsec.conf", "--ctlsocket", f"{folder}/pluto.ctl", "gre")
        assert "added" in added + self.log, added
        return process

    def _tool(self, name: str, *words: str) -> str:
        command = ["ip", "netns", "exec", self.wire.namespace("theirs"), f"{_UNPACKED}/usr/libexec/ipsec/{name}"]
        done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=60, check=False)
        return done.stdout + done.stderr

    def whack(self, *words: str) -> str:
        """Return what whack says; it may fail."""
        return self._tool("whack", "--rundir", str(self.folder), *words)

    def initiate(self) -> str:
        return self.whack("--initiate", "--asynchronous", "--name", "gre")

    def isakmp_sas(self) -> set[str]:
        return set(re.findall(r"(#\d+): .*STATE_MAIN_[IR]\d \(IKE SA established\)", self.whack("--showstates")))

    def pairs(self) -> set[tuple[str, str]]:
        states = self.whack("--showstates")
        spis = dict(re.findall(r"(#\d+): \"gre\" (esp\.\S+ esp\.\S+)", states))
        pairs = (re.findall(r"esp\.([0-9a-f]+)@", spis[owner]) for owner in self._owners(states))
        return {(received.zfill(8), sent.zfill(8)) for sent, received in pairs}

    @staticmethod
    def _owners(states: str) -> list[str]:
        """Return the pairs on which it sends, by its numbers."""
        return re.findall(r"(#\d+): .*\(IPsec SA established\).*eroute owner", states)

    def replace_pair(self) -> None:  # "cannot force rekey of IKEv1 connection"
        self.whack("--initiate", "--asynchronous", "--name", "gre")

    def end_pair(self) -> None:
        for owner in self._owners(self.whack("--showstates")):
            self.whack("--deletestate", owner.removeprefix("#"))

    def end(self) -> None:
        self.whack("--terminate", "--name", "gre")

    @property
    def log(self) -> str:
        file = self.folder / "pluto.log"
        return file.read_text() if file.exists() else ""


# --------------------------------------------------------------------------------------------------------------- ours

_CONFIGURATION = """
crypto isakmp policy 10
 encryption {encryption}
 hash {hash}
 authentication {method}
 group {group}
 lifetime 3600
{key}
{more}
"""
GROUPS = {1024: 2, 1536: 5, 2048: 14, 3072: 15}


class Ours:
    """Our IKE machine beside the daemon, with lines that agree with the daemon's wishes.

    more: further lines.
    policy: what is not usual in the policy of its tunnel.
    """

    def __init__(self, wire: Wire, wishes: Wishes, more: str = "", **policy: object) -> None:
        text = _CONFIGURATION.format(
            encryption=f"aes {wishes.encryption.removeprefix('aes')}",
            hash={"sha1": "sha"}.get(wishes.hash, wishes.hash),
            group=GROUPS[wishes.group],
            method="rsa-sig" if wishes.signs else "pre-share",
            key="" if wishes.signs else f"crypto isakmp key {SECRET} address 0.0.0.0 0.0.0.0",
            more=more,
        )
        cipher = ["AES_CBC", int(wishes.encryption.removeprefix("aes")), wishes.hash.upper()]
        policy = {"transforms": [cipher], "pfs_group": GROUPS[wishes.group] if wishes.pfs else 0, **policy}
        given = hexadecimal("ours", wire.addresses["ours"]) if wishes.signs else {}
        settings = json.dumps({"text": text, "policy": policy, "credentials": given})
        words = [sys.executable, "-m", "support.machine_daemon", wire.addresses["ours"], THEIRS, settings]
        self._daemon = subprocess.Popen(
            ["ip", "netns", "exec", wire.namespace("ours"), *words],
            env={**os.environ, "PYTHONPATH": f"{SOURCE}:{Path(__file__).parents[1]}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        wire.at_end(lambda: self._daemon.communicate(timeout=10))
        self.do("state")  # it listens

    def do(self, what: str) -> dict[str, Any]:
        """Give an order; returns the state behind it."""
        assert self._daemon.stdin is not None
        assert self._daemon.stdout is not None
        self._daemon.stdin.write(json.dumps({"do": what}) + "\n")
        self._daemon.stdin.flush()
        state: dict[str, Any] = json.loads(self._daemon.stdout.readline())
        return state

    @property
    def state(self) -> dict[str, Any]:
        """What it has now."""
        return self.do("state")

    @property
    def pairs(self) -> set[tuple[str, str]]:
        """All pairs, as the other end writes them: what that receives on, and what it sends on."""
        return {_turned(pair) for pair in self.state["pairs"]}

    @property
    def newest(self) -> set[tuple[str, str]]:
        """The pair on which we send, if there is one."""
        return {_turned(pair) for pair in self.state["pairs"][-1:]}

    @property
    def cookies(self) -> set[str]:
        """CKY-I and CKY-R of the ISAKMP SAs on which both have proved themselves."""
        return {sa["cookies"] for sa in self.state["sas"] if sa["phase"] == "QM_IDLE"}


def _turned(pair: dict[str, Any]) -> tuple[str, str]:
    return pair["out"], pair["in"]
