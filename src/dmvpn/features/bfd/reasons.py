"""Why a neighbor is not watched, or its session not up."""

from __future__ import annotations

import enum

from dmvpn.base.reasons import ReasonCode


@enum.unique
class BfdReason(ReasonCode):
    """Kept for each session that is not up."""

    NO_INTERVAL = "the interface has no bfd interval", "so nothing is sent to this neighbor"
    NO_LINE = "the interface is down"
    NOT_HEARD = "the far end sends no BFD", "nothing came from it on <interface>"
    SILENT = "the far end fell silent", "nothing came for <number> ms", "RFC 5880 §6.8.4"
    FAR_END_DOWN = "the far end does not hear us", "it says <state>, diagnostic <number>", "RFC 5880 §6.8.6"
    NOT_WANTED_THERE = "the far end does not want a session", "it says AdminDown", "RFC 5880 §6.8.6"
