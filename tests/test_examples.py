"""The examples reach what they promise: on real data, so only with TENFOLD_DATA_DIR, and slowly."""

import importlib.util
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
real_data = pytest.mark.skipif("TENFOLD_DATA_DIR" not in os.environ, reason="TENFOLD_DATA_DIR does not say where real data lies")


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_is_linked_and_says_how_it_is_run() -> None:
    readme = (EXAMPLES.parent / "README.md").read_text(encoding="utf-8")
    for file in EXAMPLES.glob("*.py"):
        assert f"examples/{file.name}" in readme, file.name
        assert f"python examples/{file.name}" in file.read_text(encoding="utf-8"), file.name


@pytest.mark.slow
@real_data
@pytest.mark.parametrize(
    ("name", "arguments", "least"),
    [
        ("imdb_sentiment", ("bilstm",), 0.86),
        ("imdb_sentiment", ("cnn",), 0.88),
        ("spoken_digits", (), 0.97),
        ("chinese_reviews", (), 0.88),
        ("spanish_translation", (), 0.6),
        ("membrane_segmentation", (), 0.88),
        ("blood_cells", (), 0.6),
        ("titanic_table", (), 0.78),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0] if isinstance(value, tuple) and value else "",
)
def test_scores(name: str, arguments: tuple[Any, ...], least: float) -> None:
    assert example(name).main(*arguments) >= least


@pytest.mark.slow
@real_data
def test_losses() -> None:
    assert example("shakespeare_gpt").main() <= 1.9
    error, unchanged = example("sunspots").main()
    assert error < unchanged
    boston, california, cars = example("house_prices").main().values()
    assert boston <= 3.46 and california <= 51_470 and cars <= 2.36  # ordinary least squares


@pytest.mark.slow
def test_generators_draw_digits(tmp_path: Path) -> None:
    assert example("digits_vae").main(picture=str(tmp_path / "vae.png")) < 165
    assert 0 < example("digits_gan").main(epochs=2, picture=str(tmp_path / "gan.png")) < 1
    assert (tmp_path / "vae.png").exists() and (tmp_path / "gan.png").exists()
