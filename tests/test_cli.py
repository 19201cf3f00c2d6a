"""The command line, `tenfold info`, the demo's pictures, and the demo."""

import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from tenfold import cli, demo, info, pictures
from tenfold.core.config import from_environment
from tenfold.data.datasets import bundled_digits
from tenfold.data.datasets.formats import Split

RNG = np.random.default_rng(0)


def console() -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, width=120), text


# --- command line -----------------------------------------------------------------------------------------------------------------


def test_programs_that_import_tensorflow_and_keras_run(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("value = 3")
    (tmp_path / "program.py").write_text(
        "import sys\nimport beside\nimport tensorflow as tf\nimport keras\nfrom tensorflow.keras.layers import Dense\n"
        "import tensorflow.keras.backend as K\nassert tf.keras is keras and keras.layers.Dense is Dense and K.floatx() == 'float32'\n"
        "try:\n    import tensorflow.contrib\nexcept ModuleNotFoundError:\n    print(tf.__name__, beside.value, sys.argv[1:], __name__)\n"
    )
    command = [sys.executable, "-m", "tenfold", "run", str(tmp_path / "program.py"), "a", "--b"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("tenfold 3 ['a', '--b'] __main__\n", 0), done.stderr


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--help"])
    assert stopped.value.code == 0
    said = capsys.readouterr().out
    assert "demo" in said and "info" in said


@pytest.mark.parametrize("arguments", [[], ["dmeo"], ["demo", "--epochs", "0"], ["demo", "--epochs", "two"], ["demo", "--seed", "x"]])
def test_wrong_arguments_are_explained(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    assert "usage: tenfold" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert cli.main(["demo", "--out", str(tmp_path / "file" / "inner")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("tenfold: ") and said.count("\n") == 1


def test_ctrl_c_is_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: demo.Options) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "run", interrupted)
    assert cli.main(["demo"]) == 130
    assert "stopped" in capsys.readouterr().err


def test_python_m_tenfold_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "tenfold", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("tenfold ") and done.stderr == ""


# --- info -------------------------------------------------------------------------------------------------------------------------


def test_info_tells_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "kernel").write_bytes(bytes(2_500_000))
    monkeypatch.setenv("TENFOLD_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("TENFOLD_NUM_THREADS", "3")
    where, text = console()
    assert info.run(where) == 0
    said = text.getvalue()
    for word in (str(tmp_path), "1 files, 2.5 MB", "3 threads", "numpy", "llvmlite", "LLVM", "bits", "CPU:0", "TENFOLD_DATA_DIR"):
        assert word in said, f"{word!r} is missing in\n{said}"


def test_info_bears_a_cache_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENFOLD_CACHE_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("TENFOLD_CACHE", "0")
    rows = dict(info.cache(from_environment()))
    assert rows["holds"] == "0 files, 0.0 MB" and rows["state"].startswith("off")


# --- pictures ---------------------------------------------------------------------------------------------------------------------


def curve(*values: float) -> pictures.Curve:
    return pictures.Curve("loss", np.arange(1.0, len(values) + 1), np.array(values), "#1f6fb2", points=True)


@pytest.mark.parametrize("values", [(2.0, 0.5, 0.01), (0.3,), (), (float("nan"), 1.0), (0.0, 1.0), (float("inf"), 1.0), (0.5, 0.5)])
def test_a_chart_is_drawn_of_any_values(tmp_path: Path, values: tuple[float, ...]) -> None:
    pictures.draw_chart(tmp_path / "chart.png", "Title", "subtitle", "epoch", "loss", [curve(*values)])
    with Image.open(tmp_path / "chart.png") as image:
        assert image.size == (900, 540)
        blue = np.asarray(image.convert("RGB")).reshape(-1, 3)
        assert (blue == (31, 111, 178)).all(axis=1).any()


def test_a_falling_curve_falls(tmp_path: Path) -> None:
    frame = pictures.Frame(left=0, top=0, right=100, bottom=100, x_max=10, y_min=0.01, y_max=1)
    assert frame.y(1) == 0 and frame.y(0.1) == pytest.approx(50) and frame.y(0.001) == 100
    assert frame.x(5) == 50


@pytest.mark.parametrize("high, ticks", [(3, [0, 1, 2, 3]), (12, [0, 2, 4, 6, 8, 10, 12]), (100, list(range(0, 101, 10))), (0.5, [0])])
def test_whole_ticks(high: float, ticks: list[int]) -> None:
    assert pictures.whole_ticks(high) == ticks


@pytest.mark.parametrize("count, rows", [(0, 1), (1, 1), (6, 1), (7, 2), (24, 4)])
def test_a_sheet_has_as_many_rows_as_it_needs(tmp_path: Path, count: int, rows: int) -> None:
    tiles = [pictures.Tile(RNG.integers(0, 256, (28, 28), dtype=np.uint8), "4 read as 9", "98.7% sure")] * count
    pictures.draw_sheet(tmp_path / "sheet.png", "Title", "subtitle", tiles)
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.height == 92 + rows * 160 + 18


# --- demo -------------------------------------------------------------------------------------------------------------------------


def test_the_confusion_table_counts() -> None:
    where, text = console()
    where.print(demo.confusion_table(np.array([0, 0, 1, 9]), np.array([0, 3, 1, 9])))
    row = next(line for line in text.getvalue().splitlines() if re.match(r"\W*0\W", line) and "%" in line)
    assert re.findall(r"[\d.]+%?|·", row) == ["0", "1", "·", "·", "1", "·", "·", "·", "·", "·", "·", "50.0%"]


def test_the_sheet_shows_the_surest_mistakes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[pictures.Tile] = []
    monkeypatch.setattr(demo, "draw_sheet", lambda *arguments: shown.extend(arguments[-1]))
    probabilities = np.full((3, 10), 0.01)
    probabilities[[0, 1, 2], [4, 5, 6]] = (0.6, 0.9, 0.99)
    demo.draw_mistakes(tmp_path / "sheet.png", (np.zeros((3, 28, 28, 1), np.uint8), np.array([1, 2, 6], np.uint8)), probabilities)
    assert [tile.caption for tile in shown] == ["2 read as 5", "1 read as 4"]


def test_a_phase_can_be_split() -> None:
    watch = demo.Stopwatch([("a", 1.0), ("b", 3.0)])
    watch.split("b", "start of b", 1.0)
    assert watch.phases == [("a", 1.0), ("start of b", 1.0), ("b", 2.0)]


def few_digits() -> Split:
    (x_train, y_train), (x_test, y_test) = bundled_digits()
    return (x_train[:320], y_train[:320]), (x_test[:100], y_test[:100])


def test_a_short_demo_writes_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "bundled_digits", few_digits)
    where, text = console()
    assert demo.run(demo.Options(epochs=2, out=tmp_path, seed=1), where) == 0
    assert {file.name for file in tmp_path.iterdir()} == {"digits.keras", "mistakes.png", "loss.png"}
    said = text.getvalue()
    assert "bit for bit" in said and "Test accuracy" in said and "compiling" in said


@pytest.mark.slow
def test_the_demo_reads_well(tmp_path: Path) -> None:
    where, text = console()
    assert demo.run(demo.Options(out=tmp_path), where) == 0
    accuracy = re.search(r"Test accuracy ([\d.]+)%", text.getvalue())
    assert accuracy and float(accuracy[1]) >= 98.5
