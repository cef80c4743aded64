"""Log messages of this feature, each with what it means."""

from __future__ import annotations

from typing import Final

from dmvpn.base.notices import log_kind, log_messages


@log_kind("NAT-3-RULE_REFUSED")
def rule_refused(rule: str, reason: str) -> str:
    """A NAT rule asks for what cannot be done here. It is kept, and translates nothing."""
    return f"'{rule}' translates nothing: {reason}"


@log_kind("NAT-3-NOT_TRANSLATING")
def not_translating(reason: str) -> str:
    """The host refused the rules of translation: inside stations reach no outside address. It is tried again."""
    return f"Addresses are not translated: {reason}"


MESSAGES: Final = log_messages(vars())
