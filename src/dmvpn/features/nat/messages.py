"""Log messages of this feature, each with what it means."""

from __future__ import annotations

from typing import Final, Self

from dmvpn.base.notices import Log, log_messages


class RuleRefused(Log, name="NAT-3-RULE_REFUSED"):
    """A NAT rule asks for what cannot be done here. It is kept, and translates nothing."""

    @classmethod
    def of(cls, rule: str, reason: str) -> Self:
        """Return the message for this rule."""
        return cls(f"'{rule}' translates nothing: {reason}")


class NotTranslating(Log, name="NAT-3-NOT_TRANSLATING"):
    """The host refused the rules of translation: inside stations reach no outside address. It is tried again."""

    @classmethod
    def of(cls, reason: str) -> Self:
        """Return the message with what the host says."""
        return cls(f"Addresses are not translated: {reason}")


MESSAGES: Final = log_messages(vars())
