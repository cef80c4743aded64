"""Keys for the configurations: from a file for their owner alone, or from the environment. Never from the table."""

from __future__ import annotations

import re
import stat
from dataclasses import field
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.shells.documents import parse_yaml, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: What a key may consist of: a configuration line has no blanks in it, and `?` asks for help.
_GOOD: Final = re.compile(r"[!->@-~]{1,127}")
#: NHRP's has eight octets on the wire, in clear: it keeps networks apart, not people out.
_LONGEST_NHRP: Final = 8
NAMES: Final = {"pre_shared_key": "DMVPN_PRE_SHARED_KEY", "nhrp_authentication": "DMVPN_NHRP_AUTHENTICATION"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """pre_shared_key: of IKEv2, the same for all sites. nhrp_authentication: NHRP's, up to 8 characters."""

    pre_shared_key: str | None = field(default=None, repr=False)
    nhrp_authentication: str | None = field(default=None, repr=False)

    def hidden(self, text: str) -> str:
        """Return a text that people may see."""
        for key in sorted(filter(None, (self.pre_shared_key, self.nhrp_authentication)), key=len, reverse=True):
            text = re.sub(rf"(?<!\w){re.escape(key)}(?!\w)", "<key>", text)
        return text


def find_keys(file: Path | None, environment: Mapping[str, str]) -> Keys:
    """Return the keys of the file; keys that it lacks come from the environment. Raises UserError."""
    given = _of_file(file) if file is not None else {}
    found = {name: given.get(name, environment.get(variable)) for name, variable in NAMES.items()}
    for name, key in found.items():
        where = f"{file}: {name}" if name in given else NAMES[name]
        if key is not None and not _GOOD.fullmatch(key):
            raise UserError(f"{where}: 1 to 127 characters of ASCII, without blanks and question marks")
        if name == "nhrp_authentication" and key is not None and len(key) > _LONGEST_NHRP:
            raise UserError(f"{where}: more than {_LONGEST_NHRP} characters; IOS takes no more")
    return Keys(**found)


def _of_file(path: Path) -> dict[str, str]:
    text = path.read_text(encoding="utf-8") if path.is_fifo() else read_text(path)  # such as <(pass show dmvpn)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise UserError(f"{path}: others may read these keys: chmod 600 {path}")
    raw, _ = parse_yaml(text, str(path))
    if not isinstance(raw, dict) or not raw:
        raise UserError(f"{path}: lines like `pre_shared_key: ...`, of {' and '.join(NAMES)}")
    for name, key in raw.items():
        if name not in NAMES:
            raise UserError(f"{path}: {name}: there are {' and '.join(NAMES)}")
        if not isinstance(key, str):
            raise UserError(f"{path}: {name}: put it in quotes")
    return raw
