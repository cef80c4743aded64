"""Log messages of this feature, each with what it means."""

from __future__ import annotations

from typing import Final, Self

from dmvpn.base.notices import Log


class NotBuilt(Log):
    """A tunnel asks for IPsec and this release has none: the tunnel stays down, so that nothing leaves in clear."""

    __slots__ = ()

    @classmethod
    def of(cls, tunnel: str, profile: str) -> Self:
        """The message for this tunnel."""
        text = f"{tunnel} stays down: it is to be protected by profile {profile}, and this release has no IPsec"
        return cls("CRYPTO", 4, "NOT_BUILT", text)


MESSAGES: Final = (NotBuilt,)
