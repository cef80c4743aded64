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

`dmvpn lint` reads configurations and tells what will not work, or could be better: one by one, and all that were named
together as one network, hub against spokes. It runs nothing. The page is made from the rules
(`python -m support.lint_page` in the folder `tests`), and a test fails when it is old.

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

What may be named: files (together they are one network) and `-`, which is standard input as one more of them, folders
(`*.cfg`, `*.conf`; each is a network of its own), folders with a [lab.yaml](lab-file.md) and built-in
[scenarios](scenarios.md), which tell besides who is behind NAT.

| severity | means |
| --- | --- |
| error | something that is configured will not work |
| warning | it works, and not as somebody who wrote these lines wanted |
| advice | it works; there is a better way, or a risk to know of |

| exit code | means |
| --- | --- |
| 0 | nothing found, or advice alone |
| 1 | a warning or an error; with `--severity error` only errors count, with `--severity advice` everything |
| 2 | asked wrongly: no such file, no such rule |

`--format json` is an object with `findings` (rule, severity, file, line, router, what, why, fix, related) and `counts`.
`--format sarif` is SARIF 2.1.0, which code review tools show beside the lines. `--rule RULE` looks for one thing,
`--rules` lists all of them, `--explain RULE` prints what stands below. Errors come first, and of these the lines that a
router refuses, since others follow from them; then file by file. Keys and passwords are never shown.

Who is hub and who is spoke follows from the lines: a client has an `ip nhrp nhs`, a server is whom a client means, or a
multipoint tunnel without a server of its own. What is not among the files is not judged: a spoke alone is not told that
its hub is missing. Where a hub and all its spokes differ, the hub is told; otherwise the spoke that differs.

Configurations of other routers are read too. What IOS takes and a router of this program refuses (NAT, VRFs, access
lists on interfaces and more) is advice, told once in a file; what a screen shows around a configuration is passed over.
Where the line `version` names a release that has [other defaults](releases.md), they count. A tunnel of which no line says source,
mode or destination is taken for an excerpt, and not asked for what it leaves out. Files are UTF-8 or Latin 1.

## Allow what is meant so

    ! lint: allow RULE REASON            what RULE finds at the next line; if it opens a section, anywhere in it
    ! lint: allow-file RULE REASON       what RULE finds anywhere in the file

A reason is asked for: without one the comment allows nothing, and is told. So is one that nothing was found for.

## In CI

    dmvpn lint --format sarif sites/*.cfg > lint.sarif

is 1 where something is wrong, and the file is what GitHub and GitLab show in a merge request.
"""  # noqa: E501


def page() -> str:
    """The whole page."""
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
