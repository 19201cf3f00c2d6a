"""Every example in the documentation runs: those in docstrings, and those in the README files."""

import doctest
import importlib
import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
PAGES = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").glob("*.md"))]


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = [module_name(file) for file in sorted((ROOT / "tenfold").rglob("*.py")) if file.name != "__main__.py"]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name: str) -> None:
    tf = importlib.import_module("tenfold")
    importlib.import_module("tenfold.ops")  # the operators of tensors
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    for example in doctest.DocTestFinder(exclude_empty=True).find(module, name, extraglobs={"tf": tf, "np": np}):
        report: list[str] = []
        runner.run(example, out=report.append)
        assert not runner.failures, "".join(report)


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", [page for page in PAGES if python_blocks(page)], ids=lambda page: page.name)
def test_examples_in_pages(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for block in python_blocks(page):
        exec(compile(block, str(page), "exec"), {"__name__": "__main__"})


def links(page: Path) -> list[str]:
    return re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    missing = [link for link in links(page) if not (page.parent / link).exists()]
    assert not missing, f"{page.name} links to {missing}"


def test_both_readmes_show_the_same_programs() -> None:
    english, chinese = (code_only(ROOT / name) for name in ("README.md", "README.zh-CN.md"))
    assert english == chinese


def code_only(page: Path) -> list[str]:
    """Blocks of code without their comments, which are translated."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [re.sub(r"\s*#.*", "", block) for block in blocks]


def test_the_docs_can_be_built() -> None:
    spec = importlib.util.spec_from_file_location("build_docs", ROOT / "tools" / "build_docs.py")
    assert spec is not None and spec.loader is not None
    build_docs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build_docs)
    page = build_docs.api()
    for name in ("tf.constant(", "tf.math.sin(", "tf.GradientTape(", "tf.keras.layers.Dense(", "tf.keras.datasets.mnist.load_data("):
        assert f"### `{name}" in page, name
    assert "| `trace.py` |" in build_docs.file_map()
