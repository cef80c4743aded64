"""docs/reference/lint.md, made of the rules themselves and of this text: page and code cannot part.

python -m support.lint_page      write the page (in the folder `tests`)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.tools.lint import GROUPS

if TYPE_CHECKING:
    from dmvpn.base.findings import Rule

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "lint.md"

_HEAD = """\
# Lint

`dmvpn lint` reads configurations and reports what will not work and what could be better. It checks each file alone, and
then all named files together as one network, hub against spokes. It runs nothing. This page is generated from the rules
(`python -m support.lint_page` in the folder `tests`), and a test fails when it is out of date.

```console
$ mkdir -p build && cat > build/spoke.cfg <<'END'
> hostname SPOKE1
> interface Tunnel0
>  bandwidth 10000
>  ip address 10.0.0.11 255.255.255.0
>  ip nhrp network-id 1
>  ip nhrp nhs 10.0.0.1 nbma 198.51.100.1
>  ip tcp adjust-mss 1360
>  tunnel source GigabitEthernet1
>  tunnel mode gre multiprotocol
> router eigrp 100
>  network 10.0.0.0 0.0.0.255
> END
$ dmvpn lint build/spoke.cfg
build/spoke.cfg:9: error line-refused: in interface mode:
     tunnel mode gre multiprotocol
                          ^
    % Invalid input detected at '^' marker.
build/spoke.cfg:2: error tunnel-destination-missing: Tunnel0 is point-to-point (no `tunnel mode gre multipoint`) and has no destination: it stays down
  fix on SPOKE1:
    interface Tunnel0
     tunnel mode gre multipoint
2 errors
$ sed -i 's/multiprotocol/multipoint/' build/spoke.cfg; dmvpn lint build/spoke.cfg
build/spoke.cfg:6: error nhrp-multicast-missing: EIGRP 100 runs on Tunnel0, and its multicasts do not go to the server 10.0.0.1 (198.51.100.1)
  fix on SPOKE1:
    interface Tunnel0
     ip nhrp map multicast 198.51.100.1
1 error
$ sed -i 's/198.51.100.1$/198.51.100.1 multicast/' build/spoke.cfg; dmvpn lint build/spoke.cfg
nothing found
```

You can name files (together they are one network), `-` (standard input, one more of these files), folders (`*.cfg` and
`*.conf`, or where there are none what a lab would take; each folder is a network of its own), folders with a
[lab.yaml](lab-file.md), and built-in [scenarios](scenarios.md). The last two also tell lint who is behind NAT.

| severity | meaning |
| --- | --- |
| error | something that is configured will not work |
| warning | it works, but not as the author of these lines intended |
| advice | it works; there is a better way, or a risk that you should know |

| exit code | meaning |
| --- | --- |
| 0 | nothing found, or only advice |
| 1 | a warning or an error; with `--severity error` only errors count, with `--severity advice` everything counts |
| 2 | a wrong command: no such file, no such rule |

`--format json` prints an object with `findings` (rule, severity, file, line, router, what, why, fix, related) and
`counts`. `--format sarif` prints SARIF 2.1.0, which code review tools show beside the lines. `--rule RULE` checks one
rule, `--rules` lists all rules, and `--explain RULE` prints the text that this page has about a rule. Errors come first,
and among them the lines that a router refuses, because other errors follow from them; then the findings go file by file.
Lint never shows keys or passwords. Lines that it prints as a fix can be entered as they are; where only you know a value,
they have `<secret>`, `<address>` or the like in its place, and no router takes a line with that.

The lines say which router is a hub and which is a spoke: a client has an `ip nhrp nhs`; a server is a router that a
client names, or has a multipoint tunnel without a server of its own. Lint does not judge what is missing from the files:
it does not tell a spoke alone that its hub is missing. If a hub and all its spokes differ, the finding is about the hub;
otherwise it is about the spoke that differs.

Lint also reads configurations of other routers. What IOS accepts and a router of this program refuses (NAT, VRFs, access
lists on interfaces and more) is advice, reported once for each file; whatever a screen shows around a configuration is
ignored. If the line `version` names a release with [other defaults](releases.md), those defaults apply. A tunnel without
any line about source, mode or destination is taken for an excerpt, so lint does not report what it leaves out. Files are
UTF-8 or Latin 1.

## Allow what is intended

    ! lint: allow RULE REASON            what RULE finds on the next line; if that line opens a section, anywhere in it
    ! lint: allow-file RULE REASON       what RULE finds anywhere in the file

A reason is required: a comment without one allows nothing, and lint reports it. Lint also reports a comment for which
nothing was found.

## In CI

    dmvpn lint --format sarif sites/*.cfg > lint.sarif

exits with 1 if something is wrong, and GitHub and GitLab show the file in a merge request.
"""  # noqa: E501


def page() -> str:
    """Return the whole page."""
    parts = [_HEAD]
    for title, rules in GROUPS:
        parts.append(f"## {title}\n")
        parts += [_paragraph(rule) for rule in rules]
    return "\n".join(parts)


def _paragraph(rule: Rule) -> str:
    lines = [f"### {rule.id}", "", f"{rule.severity.value.capitalize()}: {_as_sentence(rule.title)}", "", rule.why, ""]
    lines += _block("For example", rule.bad)
    lines += _block("Instead", rule.fix)
    return "\n".join(lines)


def _as_sentence(title: str) -> str:
    first = title if title[0] == "`" or title[:2].isupper() else title[0].lower() + title[1:]
    return f"{first}."


def _block(title: str, lines: str) -> list[str]:
    return [f"{title}:", "", *(f"    {line}".rstrip() for line in lines.split("\n")), ""] if lines else []


def main() -> None:
    """Write the page."""
    PAGE.write_text(page())
    print(f"{PAGE.relative_to(ROOT)}: {sum(len(rules) for _, rules in GROUPS)} rules")


if __name__ == "__main__":
    main()
