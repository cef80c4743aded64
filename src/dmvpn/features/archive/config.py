"""The lines of `archive`. Keys are never in its log, whether `hidekeys` is there or not."""

from __future__ import annotations

from typing import Final

from dmvpn.base.shell import is_file_name
from dmvpn.base.values import collected
from dmvpn.features.archive.model import ArchiveConfig
from dmvpn.ios import Args, ConfigLine, ConfigTree, Mode, Section

_FLASH: Final = ("flash:", "bootflash:", "disk0:")

MODES: Final = (Mode("archive", "config-archive"), Mode("archive-log", "config-archive-log-cfg", parent="archive"))


def prefix_of(url: str, hostname: str) -> str | None:
    """Return the name in flash with which copies begin; None: that is not in flash, or no name.

    `$h` is the router's name. The time comes last, so `$t` may be written there and nowhere else.
    """
    for system in _FLASH:
        if url.lower().startswith(system):
            name = url[len(system) :].removeprefix("/").removesuffix("$t").rstrip("-").replace("$h", hostname)
            return name if is_file_name(name) else None
    return None


def _check_path(args: Args, _: Section) -> str | None:
    if prefix_of(args.text("url"), "R") is None:
        return "% Only flash:NAME, bootflash:NAME or disk0:NAME can be archived to"
    return None


ARCHIVE: Final = ConfigLine("global", "archive", "Copies of the configuration, and its log", order=68, opens="archive")
_HELP: Final = {
    "path": "How copies are called",
    "url": "flash:NAME; $h is the router's name; time and number follow",
    "maximum": "Copies that are kept",
    "copies": "The oldest one goes",
    "log": "Log of changes, with user and time",
    "config": "Of the configuration",
    "logging": "Note changes",
    "enable": "From now on",
    "size": "Lines that are remembered",
    "entries": "How many",
}
PATH: Final = ConfigLine("archive", "path {url:word}", _HELP, order=10, check=_check_path)
MAXIMUM: Final = ConfigLine("archive", "maximum {copies:1-14}", _HELP, order=20, default="maximum 10")
WRITE_MEMORY: Final = ConfigLine("archive", "write-memory", "`write memory` makes a copy, too", order=30)
LOG: Final = ConfigLine("archive", "log config", _HELP, order=50, opens="archive-log")
ENABLE: Final = ConfigLine("archive-log", "logging enable", _HELP, order=10)
SIZE: Final = ConfigLine("archive-log", "logging size {entries:1-1000}", _HELP, order=20, default="logging size 100")
HIDE_KEYS: Final = ConfigLine("archive-log", "hidekeys", "Keys are never noted here, with or without this", order=40)

LINES: Final = collected(ConfigLine, vars())


def model(tree: ConfigTree) -> ArchiveConfig:
    """Return what the configuration says of its own copies."""
    section = tree.section(ARCHIVE)
    if section is None:
        return ArchiveConfig()
    path, log = section.get(PATH), section.section(LOG)
    size = log.get(SIZE) if log is not None else None
    return ArchiveConfig(
        prefix=(prefix_of(path.text("url"), tree.hostname) or "") if path is not None else "",
        maximum=section.args(MAXIMUM).integer("copies", 10),
        writes=section.flag(WRITE_MEMORY),
        logs=log is not None and log.flag(ENABLE),
        log_size=size.integer("entries") if size is not None else 100,
    )
