"""The reference of settings, from `conf` and the constructors that its files call.

`make reference` writes docs/reference.md; a test holds that the page is up to date.
"""

import inspect
import re
import sys
from collections.abc import Iterator
from typing import Any

import yaml

from seedbed.config.help_page import comment
from seedbed.config.targets import resolve
from seedbed.project import CONF, ROOT

PAGE = ROOT / "docs" / "reference.md"

GROUPS = ("data", "net", "init", "task", "optimizer", "scheduler", "callbacks", "logger")
"""Those whose options call a constructor."""

OPENING = """# Reference of settings

Made by `make reference` from `conf/` and the constructors that it calls. A setting is typed as
`group.setting=value`; the default is the option's.

`schemas/` has the same for an editor, which then completes and checks the files of `conf/`. Visual
Studio Code with its YAML extension finds them by `.vscode/settings.json`; another editor with
yaml-language-server by a file's first line,
`# yaml-language-server: $schema=../../schemas/net.json`.
For classes of your own, `make reference` writes both anew.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([OPENING, *(line for group in GROUPS for line in _group(group))]) + "\n"


def _group(group: str) -> Iterator[str]:
    yield f"## {group}\n"
    for file in sorted((CONF / group).glob("*.yaml")):
        content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        yield f"### {group}={file.stem}\n"
        yield f"{comment(file)}\n"
        nodes = {"": content} if "_target_" in content else content
        rows = [row for name, node in nodes.items() for row in _rows(group, name, node)]
        if rows:
            yield "| setting | type | default | |\n|---|---|---|---|"
            yield "\n".join(rows) + "\n"


def _rows(group: str, name: str, node: Any) -> Iterator[str]:
    if not isinstance(node, dict) or "_target_" not in node:
        return
    called = resolve(str(node["_target_"]), group)
    parameters = inspect.signature(called).parameters
    said = arguments_of(called)
    place = f"{group}.{name}." if name else f"{group}."
    for setting, value in node.items():
        if setting not in ("_target_", "_partial_"):
            hint = parameters[setting].annotation if setting in parameters else ""
            hint = "" if hint is inspect.Parameter.empty else _type(hint)
            cells = (f"`{place}{setting}`", hint, f"`{_shown(value)}`", said.get(setting, ""))
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _type(hint: Any) -> str:
    text = hint if isinstance(hint, str) else inspect.formatannotation(hint)
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", text)


def _shown(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1000)
    return text.replace("\n...\n", "").strip()


def arguments_of(called: Any) -> dict[str, str]:
    """What a docstring, or that of a class above, says of each argument, a line each."""
    above = reversed(called.__mro__) if inspect.isclass(called) else [called]
    found: dict[str, str] = {}
    for one in above:
        part = re.search(r"Args:\n(.*?)(?:\n\s*\n|\Z)", inspect.cleandoc(one.__doc__ or ""), re.S)
        for name, text in re.findall(
            r"^ {4}(\w+)(?: \(.*?\))?: (.*?)(?=^ {4}\w+|\Z)", part[1] if part else "", re.M | re.S
        ):
            found[name] = " ".join(text.split())
    return found


if __name__ == "__main__":
    sys.stdout.write(page())
