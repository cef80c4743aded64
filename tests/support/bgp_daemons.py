"""GoBGP, OpenBGPD and ExaBGP on a `support.daemons.Wire`: unpacked beside the tests, never installed.

None of them puts routes into a kernel here: what counts is what they say.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from support.daemons import missing

if TYPE_CHECKING:
    from support.daemons import Wire

_UNPACKED: Final = Path(__file__).parents[1] / "interop" / "uml" / "peers"
_GOBGPD, _GOBGP = _UNPACKED / "usr/bin/gobgpd", _UNPACKED / "usr/bin/gobgp"
_OPENBGPD, _BGPCTL = _UNPACKED / "usr/sbin/bgpd", _UNPACKED / "usr/sbin/bgpctl"
_EXABGP: Final = _UNPACKED / "usr/lib/python3/dist-packages"
#: OpenBGPD gives root up for a user that its package would have made: a namespace of mounts has one for it alone.
_AS_ITS_USER: Final = (
    "mount -t tmpfs none /mnt && cp /etc/passwd /etc/group /mnt && mkdir -m 755 /mnt/empty && "
    "echo '_openbgpd:x:64999:64999::/mnt/empty:/bin/false' >>/mnt/passwd && echo '_openbgpd:x:64999:' >>/mnt/group && "
    'mount --bind /mnt/passwd /etc/passwd && mount --bind /mnt/group /etc/group && exec "$@"'
)


def missing_speakers() -> str:
    """Return what is not there of these and of FRR, or ""."""
    absent = [path.name for path in (_GOBGPD, _OPENBGPD, _EXABGP / "exabgp") if not path.exists()]
    return missing() or (f"{', '.join(absent)} missing. Run: scripts/debian-packages interop" if absent else "")


class GoBgp:
    """gobgpd, which tells what it is given by `announce`, to one neighbor with the password sesame."""

    def __init__(
        self, wire: Wire, name: str, own: tuple[str, int], neighbor: tuple[str, int], family: str = "ipv4"
    ) -> None:
        """own: router ID and system. neighbor: address and system. family: of its routes."""
        self._wire, self._name = wire, name
        file = wire.folder / f"{name}.toml"
        file.write_text(f"""
[global.config]
  as = {own[1]}
  router-id = "{own[0]}"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "{neighbor[0]}"
    peer-as = {neighbor[1]}
    auth-password = "sesame"
  [neighbors.timers.config]
    connect-retry = 5
    idle-hold-time-after-reset = 1
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "{family}-unicast"
""")
        wire.start(name, "gobgpd", str(_GOBGPD), "-f", str(file), "--api-hosts", "127.0.0.1:50051")
        wire.wait("GoBGP answers", lambda: self._json("global"))

    def announce(self, prefix: str, *words: str, family: str = "ipv4") -> str:
        """Tell a prefix of its own, with attributes."""
        return self._say("global", "rib", "add", prefix, *words, "-a", family)

    def withdraw(self, prefix: str, *words: str, family: str = "ipv4") -> str:
        """Tell it no more."""
        return self._say("global", "rib", "del", prefix, *words, "-a", family)

    def path(self, route: str, family: str = "") -> dict[int, Any]:
        """Return the attributes of its path to a prefix or another route, by their codes; {} while there is none."""
        family = family or ("ipv6" if ":" in route else "ipv4")
        paths = self._json("global", "rib", *(() if family.startswith("vpn") else (route,)), "-a", family).get(
            route, []
        )
        return {one["type"]: one for one in paths[0]["attrs"]} if paths else {}

    def _json(self, *words: str) -> dict[str, Any]:
        try:
            answer = json.loads(self._say(*words, "-j"))
        except ValueError:
            return {}
        return answer if isinstance(answer, dict) else {}

    def _say(self, *words: str) -> str:
        return self._wire.say(*self._wire.inside(self._name, str(_GOBGP), *words))


class OpenBgp:
    """OpenBGPD, with a socket of its own."""

    def __init__(self, wire: Wire, name: str, configuration: str) -> None:
        self._wire, self._socket = wire, str(wire.folder / f"{name}.sock")
        file = wire.folder / f"{name}.conf"
        file.write_text(f'fib-update no\nsocket "{self._socket}"\n{configuration}')
        file.chmod(0o600)
        words = ("unshare", "-m", "sh", "-c", _AS_ITS_USER, "sh", str(_OPENBGPD), "-d", "-f", str(file))
        wire.start(name, "openbgpd", *words)
        wire.wait("OpenBGPD answers", lambda: "neighbors" in self._json("show", "neighbor"))

    def refresh(self, neighbor: str) -> str:
        """Ask a neighbor for everything."""
        return self._say("neighbor", neighbor, "refresh")

    def clear(self, neighbor: str) -> str:
        """End the session, and begin a new one."""
        return self._say("neighbor", neighbor, "clear")

    def state(self, neighbor: str) -> str:
        """Return the state of the session."""
        found = self._json("show", "neighbor", neighbor).get("neighbors", [])
        return str(found[0]["state"]) if found else ""

    def path(self, prefix: str) -> dict[str, Any]:
        """Return what it says of its path to a prefix; {} while there is none."""
        found = self._json("show", "rib", "detail", prefix).get("rib", [])
        return dict(found[0]) if found else {}

    def _json(self, *words: str) -> dict[str, Any]:
        try:
            answer = json.loads(self._say("-j", *words))
        except ValueError:
            return {}
        return answer if isinstance(answer, dict) else {}

    def _say(self, *words: str) -> str:
        return self._wire.say(str(_BGPCTL), "-s", self._socket, *words)


def start_exabgp(wire: Wire, name: str, configuration: str) -> Path:
    """Start ExaBGP, which tells what its configuration says; returns its log."""
    file = wire.folder / f"{name}.exabgp"
    file.write_text(configuration)
    settings = ("exabgp.daemon.user=root", "exabgp.api.cli=false")
    words = ("env", f"PYTHONPATH={_EXABGP}", *settings, sys.executable, "-m", "exabgp", str(file))
    return wire.start(name, "exabgp", *words)
