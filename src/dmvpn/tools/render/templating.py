"""Jinja2 in a sandbox: a template writes text from its values, and can do nothing else.

The sandbox forbids attributes that lead into Python, and changes to the values; an undefined name is an error, never an
empty text. A template can still be endless or enormous, so it runs in a process of its own with limited CPU time and
memory.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
)
from jinja2.loaders import split_template_path
from jinja2.sandbox import ImmutableSandboxedEnvironment

from dmvpn.base.errors import UserError
from dmvpn.shells.documents import read_text
from dmvpn.shells.lab.forked import ChildFailed, Json, run_forked

BUILT_IN: Final = Path(__file__).parent / "templates"
DEFAULT: Final = BUILT_IN / "site.j2"
#: Seconds of processor time and octets of memory for all sites together, beside what this process has already, and
#: octets of one configuration.
MOST_SECONDS, MOST_MEMORY, LARGEST = 60, 1 << 29, 4 << 20
#: What a template has at least, and sites that share a second more, of an honest one.
LEAST_SECONDS: Final = 5
_SITES_A_SECOND: Final = 20


def render(template: Path, sites: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    """Return the text for every site. sites: the values by name.

    Raises UserError that says which template, line and site.
    """
    if not template.exists():
        raise UserError(f"{template}: there is no such template")

    def work() -> Json:
        seconds = min(MOST_SECONDS, LEAST_SECONDS + len(sites) // _SITES_A_SECOND)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        taken = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()  # proc(5)
        most = MOST_MEMORY + taken
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        return dict(_render(template, sites))

    try:
        answer = run_forked(work)
    except ChildFailed as error:
        said = "it takes too long or too much memory"
        if "Traceback" in str(error):
            said = str(error).strip().splitlines()[-1]
        raise UserError(f"{template}: {said}") from error
    if not isinstance(answer, dict):
        raise UserError(f"{template}: no answer")
    if "" in answer:
        raise UserError(str(answer[""]))
    return {name: str(text) for name, text in answer.items()}


class _Folder(BaseLoader):
    """Templates of a folder, which a stranger may have written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, None]:
        """Return the text and the path of a template. Raises TemplateNotFound, UserError."""
        path = self._folder.joinpath(*split_template_path(template))
        if not os.path.lexists(path):
            raise TemplateNotFound(template)
        return read_text(path, LARGEST, self._folder), str(path), None


def _render(template: Path, sites: Mapping[str, Mapping[str, object]]) -> dict[str, Json]:
    """Render in the child. The key "" has the error, if there is one."""
    environment = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([_Folder(template.parent), FileSystemLoader(BUILT_IN)]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    found: dict[str, Json] = {}
    name = ""
    try:
        loaded = environment.get_template(template.name)
        for name, values in sites.items():
            pieces = loaded.generate(**values)
            parts, size = [], 0
            for piece in pieces:
                size += len(piece)
                if size > LARGEST:
                    raise ValueError(f"it writes more than {LARGEST >> 20} MiB for one site")
                parts.append(piece)
            lines = [line.rstrip() for line in "".join(parts).splitlines()]
            found[name] = text = "".join(f"{line}\n" for line in lines if line)
            if not text:
                return {"": f"{template}: nothing is written for {name}"}
    except TemplateSyntaxError as error:
        return {"": f"{error.filename or template}:{error.lineno}: {error.message}"}
    except MemoryError:
        return {"": f"{template}: it takes too much memory"}
    except UserError as error:
        return {"": str(error)}
    except (
        TemplateError,
        ArithmeticError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        RecursionError,
    ) as error:
        return {"": f"{template}{_line_of(error, template)}: {error}{f' (site {name})' if name else ''}"}
    return found


def _line_of(error: BaseException, template: Path) -> str:
    """Return `:LINE` of the template that an exception came through."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(template):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f":{line}" if line else ""
