"""The exchange of databases with one neighbor: what each side has described, and which LSAs we lack. RFC 2328 §10.6 to
§10.9.

It sends no packets: `exchange.py` passes received packets to it, and `descriptions.py` takes the next description from
it.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.features.ospf.packet import Description, DescriptionFlag

if TYPE_CHECKING:
    from dmvpn.features.ospf.lsa import LsaHeader, LsaKey


@dataclass(slots=True)
class Talk:
    """A new one begins whenever the neighbor enters EXSTART, and claims to lead.

    leads: we are the master. sequence: of descriptions. summary: headers still to send. sent, heard: the last
    description of each side. requests: LSAs that we lack. asked: of these, the LSAs in the last request.
    """

    sequence: int = 0
    leads: bool = True
    summary: list[LsaHeader] = field(default_factory=list)
    sent: Description | None = None
    heard: Description | None = None
    requests: dict[LsaKey, LsaHeader] = field(default_factory=dict)
    asked: dict[LsaKey, None] = field(default_factory=dict)

    def negotiate(self, description: Description, *, they_are_higher: bool) -> bool:
        """Negotiate the master, which is the router with the higher identifier: returns whether that is agreed now.
        §10.6
        """
        if they_are_higher:
            begins = all(map(description.has, (DescriptionFlag.INIT, DescriptionFlag.MORE, DescriptionFlag.MASTER)))
            if begins and not description.headers:
                self.leads, self.sequence = False, description.sequence
                return True
            return False
        follows = not description.has(DescriptionFlag.INIT) and not description.has(DescriptionFlag.MASTER)
        return follows and description.sequence == self.sequence

    def summarize(self, header: LsaHeader) -> None:
        """Add one of our LSAs to the headers to send."""
        self.summary.append(header)

    def is_again(self, description: Description) -> bool:
        """Return whether it is the last description of the neighbor once more."""
        last = self.heard
        said = (description.flags, description.options, description.sequence)
        return last is not None and (last.flags, last.options, last.sequence) == said

    def fits(self, description: Description) -> bool:
        """Return whether a description may follow the last one, §10.6."""
        return (
            description.has(DescriptionFlag.MASTER) != self.leads
            and not description.has(DescriptionFlag.INIT)
            and (self.heard is None or self.heard.options == description.options)
            and description.sequence == (self.sequence if self.leads else self.sequence + 1)
        )

    def hear(self, description: Description) -> None:
        """Note the next description of the neighbor."""
        self.heard = description

    @property
    def is_told(self) -> bool:
        """Whether our last description was sent, with no more to follow."""
        last = self.sent
        return last is not None and not last.has(DescriptionFlag.MORE) and not last.has(DescriptionFlag.INIT)

    @property
    def is_heard(self) -> bool:
        """Whether the neighbor has sent its last description."""
        return self.heard is not None and not self.heard.has(DescriptionFlag.MORE)

    def turn(self) -> None:
        """Take our turn: the master increments the number, the slave repeats the received one."""
        if self.leads:
            self.sequence = (self.sequence + 1) & 0xFFFFFFFF
        elif self.heard is not None:
            self.sequence = self.heard.sequence

    def portion(self, room: int) -> tuple[tuple[LsaHeader, ...], DescriptionFlag]:
        """Return the headers and flags of our next description, which has room for `room` headers."""
        portion, self.summary = self.summary[:room], self.summary[room:]
        flags = DescriptionFlag.MASTER if self.leads else DescriptionFlag(0)
        return tuple(portion), flags | DescriptionFlag.MORE if self.summary else flags

    def say(self, description: Description) -> None:
        """Note our description, which leaves now, and perhaps again."""
        self.sent = description

    def miss(self, header: LsaHeader) -> None:
        """Note that an instance is missing here."""
        self.requests[header.key] = header

    def ask(self, room: int) -> tuple[LsaKey, ...]:
        """Return the LSAs to request next, as many as fit; none while a request is outstanding."""
        if self.asked:
            return ()
        self.asked = dict.fromkeys(list(self.requests)[:room])
        return tuple(self.asked)

    def got(self, key: LsaKey) -> bool:
        """Note that an instance is no longer missing; returns whether it was."""
        self.asked.pop(key, None)
        return self.requests.pop(key, None) is not None
