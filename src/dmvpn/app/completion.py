"""Tab in a Unix shell: `dmvpn completion bash|zsh|fish` prints what the shell is to read.

All three ask the program itself what can follow at the cursor (`dmvpn --complete WORD ...`), so they know every command
and option that it has, and the labs and routers that are up. Where it has no answer the shell offers files.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from dmvpn.base.errors import UserError

#: How a shell asks; the words behind it are those of its line up to the cursor, without the program's name.
ASK: Final = "--complete"

_BASH: Final = f"""\
_dmvpn() {{
    local IFS=$'\\n'
    COMPREPLY=($(dmvpn {ASK} "${{COMP_WORDS[@]:1:COMP_CWORD}}" 2>/dev/null))
}}
complete -o default -F _dmvpn dmvpn
"""
_ZSH: Final = f"""\
#compdef dmvpn
_dmvpn() {{
    local -a found
    found=(${{(f)"$(dmvpn {ASK} "${{(@)words[2,CURRENT]}}" 2>/dev/null)"}})
    if (( $#found )); then compadd -- $found; else _files; fi
}}
# zsh loads a file of $fpath at the first Tab: then it is called as the function that it defines.
if [[ ${{funcstack[1]:-}} == _dmvpn ]]; then _dmvpn "$@"; else compdef _dmvpn dmvpn; fi
"""
_FISH: Final = f"""\
function __dmvpn_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found (dmvpn {ASK} $words[2..] 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c dmvpn -f -a '(__dmvpn_complete)'
"""
_SCRIPTS: Final = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    text = "print the script that completes dmvpn's commands in a shell"
    completion = commands.add_parser("completion", help=text, description=text)
    completion.add_argument("shell", choices=tuple(_SCRIPTS))
    completion.set_defaults(command=_print)


def _print(arguments: argparse.Namespace) -> int:
    print(_SCRIPTS[arguments.shell], end="")
    return 0


def candidates(parser: argparse.ArgumentParser, words: Sequence[str]) -> list[str]:
    """Return what can take the place of the last word, which may be empty or begun; nothing where files are meant."""
    *before, begun = words or [""]
    if len(before) > 1 and before[0] in ("-r", "--router"):
        return []  # the words of IOS are the router's
    option: argparse.Action | None = None
    places = _positionals(parser)
    for word in before:
        if option is not None:
            option = None
        elif word.startswith("-"):
            found = next((action for action in parser._actions if word in action.option_strings), None)
            option = found if found is not None and found.nargs != 0 else None
        elif places and isinstance(places[0], argparse._SubParsersAction):
            if word not in places[0].choices:
                return []
            parser = places[0].choices[word]
            places = _positionals(parser)
        elif places and places[0].nargs not in ("*", "+", argparse.REMAINDER):
            places = places[1:]
    if option is None and begun.startswith("-"):
        offered: Iterable[str] = (name for action in parser._actions for name in action.option_strings)
    else:
        asked = option or (places[0] if places else None)
        offered = _values(asked) if asked is not None else ()
    return sorted(dict.fromkeys(name for name in offered if name.startswith(begun)))


def _positionals(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in parser._actions if not action.option_strings]


def _values(action: argparse.Action) -> Iterator[str]:
    """Yield the words that complete an argument."""
    if action.choices is not None:
        yield from action.choices
        return
    name = str(action.metavar or action.dest)
    if action.dest == "scenario":
        from dmvpn.shells.exercises import built_in_names

        yield from built_in_names()
    elif "NODE" in name or name in ("SRC", "DST"):
        yield from _nodes()
    elif "ROUTER" in name or action.dest == "router":
        yield from _routers()
    elif action.dest == "lab":
        from dmvpn.shells.lab.places import running_labs, running_services

        try:
            yield from (folder.name for folder in (*running_labs(), *running_services()))
        except (UserError, OSError):
            return


def _nodes() -> Iterator[str]:
    """Yield routers, hosts and gateways."""
    from dmvpn.shells.lab.places import nodes_of, running_labs

    try:
        for folder in running_labs():
            nodes = nodes_of(folder)
            yield from nodes
            yield from (f"{folder.name}/{node}" for node in nodes)
    except (UserError, OSError):
        return


def _routers() -> Iterator[str]:
    from dmvpn.shells.lab.places import running_labs, running_services

    try:
        for folder in (*running_labs(), *running_services()):
            yield from folder.routers
            yield from (f"{folder.name}/{router}" for router in folder.routers)
    except (UserError, OSError):
        return
