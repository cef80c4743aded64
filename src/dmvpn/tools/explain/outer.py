"""Words of commands of the shell, which no router prints. Imported when no router prints the word that is asked for."""

from __future__ import annotations

from typing import Final

from dmvpn.tools.explain import causes, ladder, rules

GROUPS: Final = (*rules.GROUPS, *causes.GROUPS, *ladder.GROUPS)
