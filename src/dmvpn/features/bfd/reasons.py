"""Why a neighbor is not watched, or its session not up."""

import enum

from dmvpn.base.reasons import ReasonCode


@enum.unique
class BfdReason(ReasonCode):
    """Kept for each session that is not up."""

    NO_INTERVAL = "the interface has no bfd interval", "so nothing is sent to this neighbor"
    NO_LINE = "the interface is down"
    OTHER_AUTHENTICATION = "the two ends authenticate differently", "<mode> here, <mode> there", "RFC 5880 §6.7"
    WRONG_DIGEST = "the digest is wrong", "key <number>: other text, or not accepted now", "RFC 5880 §6.7"
    OLD_NUMBER = "packets come again or too early", "sequence number <number>", "RFC 5880 §6.7.3"
    NO_KEY = 'no key of key chain "<name>" is valid now', "so nothing is sent", "RFC 5880 §6.7.1"
    NOT_HEARD = "the far end sends no BFD", "nothing came from it on <interface>"
    SILENT = "the far end fell silent", "nothing came for <number> ms", "RFC 5880 §6.8.4"
    FAR_END_DOWN = "the far end does not hear us", "it says <state>, diagnostic <number>", "RFC 5880 §6.8.6"
    NOT_WANTED_THERE = "the far end does not want a session", "it says AdminDown", "RFC 5880 §6.8.6"
