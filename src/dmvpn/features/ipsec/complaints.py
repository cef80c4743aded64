"""How often the log hears of packets that anybody can send: about once a minute for each sender, and few in all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.notices import Log

#: Seconds between two messages of one kind about one sender.
INTERVAL: Final = 60.0
#: Senders that are named in such a time.
LARGEST: Final = 16


class Complaints:
    """Which message was written about whom, and when."""

    def __init__(self) -> None:
        self._written: dict[tuple[str, IPAddress], float] = {}

    def about(self, sender: IPAddress, message: Log, now: float) -> list[Log]:
        """The message, unless it was written lately."""
        self._written = {key: when for key, when in self._written.items() if now < when + INTERVAL}
        key = (message.mnemonic, sender)
        if key in self._written or len(self._written) >= LARGEST:
            return []
        self._written[key] = now
        return [message]
