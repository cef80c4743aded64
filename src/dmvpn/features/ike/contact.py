"""Initial contact: a peer says that it has no other session with us. RFC 7296 §2.4, RFC 2407 §4.6.3.3.

What we had with this identity at the same place is over. Elsewhere, behind another address or another port of a NAT, it
may be with another peer that has the same identity, so we ask, and only a silent session ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.features.ike.session import Session

#: Sessions that are asked because another one says that it is the only one of its peer.
MOST_ASKED: Final = 16


def is_older(old: Session, new: Session) -> bool:
    """Return whether a peer that says on `new` that it has no other session with us may mean `old`.

    A session that began while this one did is not old: both ends may have begun at the same moment. Nor is one with
    another address of ours: a peer with two uplinks has one name over both.
    """
    return old is not new and old.since < new.begun and old.path.outer == new.path.outer


def are_together(one: Session, other: Session) -> bool:
    """Return whether two peers are at one place: behind a NAT several peers share an address, and maybe a name."""
    here, there = one.path, other.path
    if here.ends != there.ends:
        return False
    return not (one.nat.remote or other.nat.remote) or here.remote.port == there.remote.port


def to_ask(older: Iterable[Session], new: Session) -> list[Session]:
    """Return which older sessions of an identity are asked whether they live, since it says that it has no other.

    These are elsewhere: of another peer with this identity, or of this very peer before it had another address or port.
    The latter more likely had the same address, and is silent, so of too many the likeliest are asked.
    """
    others = [sa for sa in older if sa.is_usable and not are_together(sa, new)]
    address = new.path.remote.address
    return sorted(others, key=lambda sa: (sa.path.remote.address != address, sa.heard))[:MOST_ASKED]
