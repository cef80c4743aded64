"""Lines of a trustpoint about enrollment over the network, which does not exist here: kept, without effect."""

from __future__ import annotations

from typing import Final

from dmvpn.ios import ConfigLine

_HELP: Final = "Kept for the record; nothing is enrolled over the network"


def _kept(syntax: str, key: tuple[str, ...] | None = None) -> ConfigLine:
    return ConfigLine("pki-trustpoint", syntax, _HELP, key=key, order=15, keep_no=True)


LINES: Final = (
    _kept("enrollment mode ra"),
    _kept("enrollment retry ( count {number:1-100} | period {minutes:1-60} )", ("number", "minutes")),
    _kept("usage ( ike | ssl-client | ssl-server )", ("ike", "ssl-client", "ssl-server")),
    _kept("source interface {interface:interface}"),
    _kept("storage {place:word}"),
    _kept("regenerate"),
    _kept("subject-alt-name {name:word}"),
)
