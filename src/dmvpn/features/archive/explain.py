"""What this feature prints, for `dmvpn explain`; imported on first use."""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.archive import messages

_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of copies of the configuration :: the prompt next: show archive config rollback timer
    %No Rollback Confirmed Change pending :: No change waits for `configure confirm`: none was made with a timer, or it
        was confirmed, or its time is over and the earlier configuration runs again.
    %Turn config archive on before using Rollback Confirmed Change :: The earlier configuration has to be stored
        somewhere: `archive`, `path flash:NAME`.
        next: show archive
    % Error caught by command handler :: `archive config` has no place for its copies: `archive`, `path flash:NAME`.
        next: show archive
    % Nothing was replaced, because this session cannot confirm: use `force` :: `configure replace` asks whether it
        may. A command without a terminal, or a client that went away, gives no answer.
        next: configure replace flash:NAME force
    %<file> is not a valid config file :: It was cut off, has no line of a configuration, is of another device, or of
        several routers. Lines that a file lacks would be removed from the router, so nothing was changed.
        next: more flash:NAME
    % Only flash:NAME, bootflash:NAME or disk0:NAME can be archived to :: Copies are files of the router; nothing is
        sent elsewhere.
    """)
_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of copies of the configuration :: show logging next: show logging
    %SYS-5-CONFIG_R :: At `configure replace`. next: show running-config
    %ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_BACKUP :: Before a change that has to be confirmed.
        next: show archive config rollback timer
    %ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_START_ABSTIMER :: `configure confirm` keeps the change.
        next: show archive config rollback timer
    %ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_START_IDLETIMER :: Each line of this user begins the time again; `configure
        confirm` keeps the change.
        next: show archive config rollback timer
    %ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_CONFIRM :: At `configure confirm`. It is not saved by that. next: write memory
    %ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_ROLLBACK_START :: The time of `timer` or `revert timer` is over.
        next: show running-config
    """)

GROUPS: Final = groups(vars())
