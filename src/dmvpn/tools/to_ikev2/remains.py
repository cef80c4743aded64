"""Lines of IKEv1 that stay as they are: they have no counterpart in IKEv2, or depend on isakmp lines.

Weak policies, and keys that cannot be read or are for IPv6 peers, stay alone. Crypto maps, aggressive mode and remote
access use the same isakmp lines as the tunnels: a router with any of these keeps all its isakmp lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.ike.model import AuthenticationMethod
from dmvpn.features.ike.suites import isakmp_lacks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.ike.model import IsakmpKey, IsakmpPolicy
    from dmvpn.network.device import Device

_USERS: Final = {
    "a crypto map uses isakmp lines": re.compile(r"crypto (dynamic-)?map\b"),
    "aggressive mode is only in IKEv1": re.compile(r"crypto isakmp peer\b|initiate mode\b"),
    "remote access uses isakmp lines": re.compile(
        r"crypto isakmp (client|xauth)\b|crypto ipsec client ezvpn\b|crypto xauth\b|(client|isakmp) author?i?\w*\b"
        r"|client (authentication|configuration)\b|virtual-template\b"
    ),
}
_PROFILE: Final = "crypto isakmp profile "


@dataclass(frozen=True, slots=True)
class Remainder:
    """A line that stays.

    number: of the line in its file, 0: unknown.
    needs_isakmp: the isakmp lines of the router stay, too.
    """

    router: str
    file: str
    number: int
    line: str
    why: str
    needs_isakmp: bool = False

    def __str__(self) -> str:
        where = f"{self.file}:{self.number}" if self.number else self.file
        return f"{where}: {self.router}: {self.line}: {self.why}"


def remains(device: Device, file: str) -> tuple[Remainder, ...]:
    """Return the lines of a router that stay as they are."""
    return (*_policies(device, file), *_keys(device, file), *_users(device, file))


def _policies(device: Device, file: str) -> Iterator[Remainder]:
    for policy in device.ikev2.isakmp.policies:
        missing = untranslated(policy)
        if missing:
            line = f"crypto isakmp policy {policy.number}"
            yield Remainder(
                device.hostname, file, _number(device, line), line, f"not written for IKEv2: {', '.join(missing)}"
            )


def untranslated(policy: IsakmpPolicy) -> tuple[str, ...]:
    """Return why a policy becomes no proposal of IKEv2: algorithms that we do not have or that are weak, and
    signatures, whose trustpoints the lines of IKEv1 need not name.
    """
    signs = policy.authentication is AuthenticationMethod.RSA_SIGNATURE
    return isakmp_lacks(policy, weak=False) or ((policy.authentication.value,) if signs else ())


def _keys(device: Device, file: str) -> Iterator[Remainder]:
    for key in device.ikev2.isakmp.keys:
        why = why_unreadable(key)
        if why:
            line, number = key_line(key), _number(device, key_beginning(key))
            yield Remainder(device.hostname, file, number, line, why)


def why_unreadable(key: IsakmpKey) -> str:
    """Return why a key is not written for IKEv2; "": it is."""
    if key.address6:
        return "no tunnel here goes over IPv6"
    return "a key of type 6 cannot be read here: enter it in clear" if key.key is None else ""


def key_line(key: IsakmpKey) -> str:
    """Return how people know a key: its line without the secret."""
    whom = key.hostname or key.address6 or str(key.address)
    return f"{key_beginning(key)} for {whom}"


def key_beginning(key: IsakmpKey) -> str:
    """Return how the line of a key begins, or that of its keyring."""
    return f"crypto keyring {key.keyring}" if key.keyring else "crypto isakmp key"


def _users(device: Device, file: str) -> Iterator[Remainder]:
    """Yield what depends on isakmp lines, each section once."""
    found: dict[str, Remainder] = {}
    for entry in device.entries:
        whole = [*entry.path, entry.shown]
        for why, words in _USERS.items():
            line = next((text for text in whole if words.search(text.lower())), "")
            if line:
                found.setdefault(line, Remainder(device.hostname, file, entry.number, line, why, needs_isakmp=True))
                break
        else:
            if entry.path and entry.path[0].startswith(_PROFILE):
                why = "this line of an isakmp profile has no counterpart here"
                found.setdefault(entry.shown, Remainder(device.hostname, file, entry.number, entry.shown, why, True))
    yield from found.values()


def _number(device: Device, line: str) -> int:
    place = device.places.find((line,))
    return place.number if place is not None else 0
