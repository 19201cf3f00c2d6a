"""The architecture as a test: imports go down the ladder and stand at the top of the file, and files stay small."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "tenfold"
LADDER = (  # bottom to top: a folder may import itself and the folders named before it
    "core",
    "kernel",
    "ir",
    "runtime",
    "codegen",
    "compiler",
    "tensor",
    "primitives",
    "transform",
    "ops",
    "data",
    "saving",
    "summary",
    "distribute",
    "keras",
    "compat",
    "python",
    "optimize",
    "lite",
    "serving",
)
ONLY_CORE = frozenset({"kernel", "runtime"})
ON_TOP = frozenset({"__init__.py", "__main__.py", "cli.py", "demo.py", "info.py", "pictures.py"})
MAX_LINES = 400
LONGER: dict[str, tuple[int, str]] = {  # file: (its own cap, the reason)
}
FILES = sorted(PACKAGE.rglob("*.py"))


def path_in_package(file: Path) -> str:
    return file.relative_to(PACKAGE).as_posix()


def allowed(folder: str) -> frozenset[str]:
    """The folders that a file in `folder` may import."""
    if folder in ONLY_CORE:
        return frozenset({folder, "core"})
    return frozenset(LADDER[: LADDER.index(folder) + 1])


def imported_modules(node: ast.AST, package: tuple[str, ...]) -> list[str]:
    """Full names that one import statement in a module of `package` asks for; empty for any other statement."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        stem = package[: len(package) - node.level + 1] if node.level else ()
        stem += tuple(node.module.split(".")) if node.module else ()
        return [".".join((*stem, alias.name)) for alias in node.names]
    return []


def own_imports(tree: ast.Module, package: tuple[str, ...]) -> Iterator[tuple[ast.stmt, str]]:
    """Every import of Tenfold itself in a module, wherever it hides."""
    for node in ast.walk(tree):
        for name in imported_modules(node, package):
            if name == "tenfold" or name.startswith("tenfold."):
                assert isinstance(node, ast.stmt)
                yield node, name


def problems(text: str, where: str) -> list[str]:
    """What is wrong with the imports of the file `where` (its path in the package) that reads `text`."""
    parts = Path(where).parts
    tree = ast.parse(text)
    found = []
    for node, name in own_imports(tree, ("tenfold", *parts[:-1])):
        place = f"{where}:{node.lineno}"
        if node not in tree.body:
            found.append(f"{place} hides the import of {name}; move it to the top of the file, or the code down the ladder")
        if where in ON_TOP:
            continue
        target = name.removeprefix("tenfold").removeprefix(".").split(".")[0]
        if target not in allowed(parts[0]):
            found.append(f"{place} imports {name}, which stands above {parts[0]}/")
    return found


def test_every_folder_has_a_rung() -> None:
    folders = {parts[0] for file in FILES if len(parts := file.relative_to(PACKAGE).parts) > 1}
    assert folders <= set(LADDER), f"not on the ladder: {sorted(folders - set(LADDER))}"


def test_only_the_named_modules_stand_on_top() -> None:
    loose = {file.name for file in PACKAGE.glob("*.py")}
    assert loose <= ON_TOP, f"put these into a folder of the ladder: {sorted(loose - ON_TOP)}"


@pytest.mark.parametrize("file", FILES, ids=path_in_package)
def test_file_obeys_the_ladder(file: Path) -> None:
    assert not problems(file.read_text(encoding="utf-8"), path_in_package(file))


@pytest.mark.parametrize("file", FILES, ids=path_in_package)
def test_file_is_short(file: Path) -> None:
    cap, _reason = LONGER.get(path_in_package(file), (MAX_LINES, ""))
    lines = len(file.read_text(encoding="utf-8").splitlines())
    assert lines <= cap, f"{file} has {lines} lines of {cap} allowed; split it by idea"


@pytest.mark.parametrize("file", [f for f in FILES if f.name == "__init__.py" and f.parent != PACKAGE], ids=path_in_package)
def test_inner_init_holds_no_code(file: Path) -> None:
    allowed_statements = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.Expr)
    body = ast.parse(file.read_text(encoding="utf-8")).body
    assert all(isinstance(node, allowed_statements) for node in body), f"{file} holds code; give it a file with a name"


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("core/shapes.py", "from tenfold.ir import graph"),
        ("core/shapes.py", "import tenfold"),
        ("core/shapes.py", "from tenfold import keras"),
        ("core/shapes.py", "from ..ir.graph import Graph"),
        ("runtime/executor.py", "from tenfold.ir.graph import Graph"),
        ("kernel/loops.py", "import tenfold.runtime.memory"),
        ("ops/math.py", "def f():\n    from tenfold.core import shapes"),
        ("ops/math.py", "try:\n    import tenfold.core.shapes\nfinally:\n    pass"),
        ("cli.py", "def f():\n    import tenfold.demo"),
    ],
)
def test_a_wrong_import_is_found(where: str, text: str) -> None:
    assert problems(text, where)


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("core/shapes.py", "import numpy\nfrom tenfold.core import dtypes\nfrom . import nest"),
        ("runtime/executor.py", "from tenfold.core.errors import InternalError"),
        ("keras/layers/core.py", "from tenfold.ops import nn\nfrom ..model import Model\ndef f():\n    import h5py"),
        ("demo.py", "import tenfold as tf\nfrom tenfold.data import datasets"),
    ],
)
def test_a_right_import_passes(where: str, text: str) -> None:
    assert not problems(text, where)
