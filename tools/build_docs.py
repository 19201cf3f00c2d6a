"""Writes docs/api.md and docs/map.md from the docstrings of the public names and of the files: python tools/build_docs.py"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import tenfold  # noqa: E402

SECTIONS = re.compile(r"^(Args|Returns|Raises|Yields|Attributes|Example|Examples|Call arguments):$", re.MULTILINE)
NOTE = "Written by `tools/build_docs.py` from the docstrings; do not edit.\n"
LADDER = "core kernel ir runtime codegen compiler tensor primitives transform ops data saving distribute keras optimize lite serving".split()


def public_names(namespace: Any) -> list[str]:
    """What a namespace declares, by `__all__` or by `__dir__`; else what is defined in it."""
    names = getattr(namespace, "__all__", None) or [name for name in dir(namespace) if not name.startswith("_")]
    if not {"__all__", "__dir__"} & set(vars(namespace)):
        names = [name for name in names if getattr(getattr(namespace, name), "__module__", None) == namespace.__name__]
    return sorted(names, key=lambda name: (name.lower(), name))


def member(namespace: Any, name: str) -> Any:
    try:
        return getattr(namespace, name, None)
    except ImportError as error:
        print(f"{namespace.__name__}.{name} does not load: {error}", file=sys.stderr)
        return None


def is_own(thing: Any) -> bool:
    return (getattr(thing, "__module__", None) or "").startswith("tenfold")


def namespaces() -> Iterator[tuple[str, Any]]:
    """`tf` and the modules that are public names in it or in one of them, each once, by its shortest path."""
    waiting: deque[tuple[str, Any]] = deque([("tf", tenfold)])
    seen = {id(tenfold)}
    while waiting:
        path, namespace = waiting.popleft()
        yield path, namespace
        for name in public_names(namespace):
            thing = member(namespace, name)
            if isinstance(thing, ModuleType) and thing.__name__.startswith("tenfold") and id(thing) not in seen:
                seen.add(id(thing))
                waiting.append((f"{path}.{name}", thing))


def members(namespace: Any) -> Iterator[tuple[str, Any]]:
    """The documented classes and functions among the names of a namespace."""
    for name in public_names(namespace):
        thing = member(namespace, name)
        if callable(thing) and is_own(thing) and inspect.getdoc(thing):
            yield name, thing


def signature(thing: Any) -> str:
    try:
        parameters = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return "(...)"
    shown = [p.replace(annotation=p.empty) for p in parameters if p.name != "self"]
    return re.sub(r" at 0x[0-9a-f]+", "", str(inspect.Signature(shown)))


def as_markdown(docstring: str) -> str:
    """A docstring in Google form as Markdown: sections as bold words, their arguments as lists, examples as code."""
    first, *rest = SECTIONS.split(docstring)
    parts = [first.strip()]
    for title, body in zip(rest[::2], rest[1::2], strict=True):
        text = inspect.cleandoc("\n" + body)
        parts.append(f"*{title}*\n\n{example(text) if title.startswith('Example') else listed(text)}")
    return "\n\n".join(part for part in parts if part)


def example(text: str) -> str:
    return f"```pycon\n{re.sub(r' *# doctest:.*', '', text)}\n```"


def listed(text: str) -> str:
    return re.sub(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*)( \([^)]*\))?: ", r"- `\1`\2: ", text, flags=re.MULTILINE)


def api() -> str:
    """Every public name with its arguments and its docstring."""
    parts = ["# The public names\n", NOTE]
    described: dict[int, str] = {}
    for path, namespace in sorted(namespaces(), key=lambda found: found[0]):
        found = list(members(namespace))
        if not found:
            continue
        parts.append(f"## {path}\n")
        summary = inspect.getdoc(namespace)
        if summary:
            parts.append(summary.split("\n\n")[0] + "\n")
        for name, thing in found:
            full = f"{path}.{name}"
            first = described.setdefault(id(thing), full)
            text = as_markdown(inspect.getdoc(thing) or "") if first == full else f"The same as `{first}`."
            parts.append(f"### `{full}{signature(thing)}`\n\n{text}\n")
    return "\n".join(parts)


def first_line(file: Path) -> str:
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").split("\n")[0]


def file_map() -> str:
    """Every file with the first line of its docstring, top of the ladder first."""
    parts = ["# The files\n", NOTE]
    package = ROOT / "tenfold"
    folders = [("", sorted(package.glob("*.py")))] + [(f"{name}/", sorted((package / name).rglob("*.py"))) for name in reversed(LADDER)]
    for folder, files in folders:
        rows = [(file.relative_to(package).as_posix().removeprefix(folder), first_line(file)) for file in files]
        rows = [(name, line) for name, line in rows if line]
        if rows:
            parts.append(f"## {folder or 'on top'}\n\n| file | |\n|---|---|")
            parts.extend(f"| `{name}` | {line.replace('|', '&#124;')} |" for name, line in rows)
            parts.append("")
    return "\n".join(parts)


if __name__ == "__main__":
    for name, text in (("api.md", api()), ("map.md", file_map())):
        (ROOT / "docs" / name).write_text(text, encoding="utf-8")
        print(f"docs/{name}: {len(text):,} characters")
