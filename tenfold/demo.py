"""`tenfold demo`: a convolutional network learns to read handwriting, from the digits to a saved model that predicts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from tenfold import keras
from tenfold.core.config import config
from tenfold.data.datasets import bundled_digits
from tenfold.data.datasets.formats import Part
from tenfold.keras.callbacks.base import Callback
from tenfold.pictures import Curve, Tile, draw_chart, draw_sheet

BATCH = 64
TILES = 24
SHIFTS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
LEARNING_RATE = 2e-3


@dataclass(frozen=True, slots=True)
class Options:
    """What `tenfold demo` was asked for."""

    epochs: int = 2
    out: Path = Path("tenfold-demo")
    seed: int = 0


@dataclass(slots=True)
class Stopwatch:
    """What each phase cost, in the order of the phases."""

    phases: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.phases.append((name, time.perf_counter() - begin))

    def split(self, name: str, part: str, seconds: float) -> None:
        """Shows the first `seconds` of the phase `name` as a phase of their own."""
        place = next(i for i, (phase, _) in enumerate(self.phases) if phase == name)
        self.phases[place : place + 1] = [(part, seconds), (name, self.phases[place][1] - seconds)]


class Recorder(Callback):
    """Remembers the loss of each step, and when the first one was traced and when it was done."""

    def __init__(self) -> None:
        super().__init__()
        self.begin = time.perf_counter()
        self.traced = 0.0
        self.first_step = 0.0
        self.losses: list[float] = []
        self.mean = 0.0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.traced = self.traced or time.perf_counter() - self.begin

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.first_step = self.first_step or time.perf_counter() - self.begin
        mean = float(logs["loss"])  # of this epoch's steps so far, as Keras reports it
        before = self.mean if batch else 0.0
        self.losses.append(mean + batch * (mean - before))
        self.mean = mean


def build(steps: int) -> Any:
    """The network, ready to train for so many steps."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    model.compile(optimizer=keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def run(options: Options, console: Console | None = None) -> int:
    """Runs the demo; the exit status is 0 if the reloaded model predicts what the trained one did."""
    console = console or Console()
    watch = Stopwatch()
    kept = kernels_kept()
    options.out.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(options.seed)
    with watch("loading the digits"):
        digits, test = bundled_digits()
        train, test = with_channel(shifted(digits)), with_channel(test)
    console.print(
        f"[bold]Tenfold learns to read[/] from {len(digits[0]):,} digits of MNIST, each also shifted by a pixel in {len(SHIFTS) - 1} directions; "
        f"{len(test[0]):,} others test it.\n"
    )
    model, losses = fit(options, train, test, watch)
    with watch("evaluating"):
        loss, accuracy = model.evaluate(*test, batch_size=256, verbose=0)
    with watch("predicting"):
        probabilities = np.asarray(model.predict(test[0], batch_size=256, verbose=0))
    console.print(f"\nTest accuracy [bold green]{accuracy:.2%}[/], loss {loss:.4f}.\n")
    console.print(confusion_table(test[1], probabilities.argmax(axis=1)))
    with watch("drawing the pictures"):
        draw(options, test, probabilities, losses, accuracy)
    same = save_and_reload(options.out / "digits.keras", model, test[0], probabilities, watch)
    console.print(phases_table(watch))
    console.print(kernels_note(len(kernels_kept() - kept)))
    console.print(f"The reloaded model predicts {'the same, bit for bit' if same else '[bold red]something else[/]'}.")
    written = [str(options.out / name) for name in ("digits.keras", "mistakes.png", "loss.png")]
    console.print(f"Written: {', '.join(written)}", soft_wrap=True)
    return 0 if same else 1


def shifted(part: Part) -> Part:
    """Every digit, and every digit shifted by a pixel: more to learn from, at no cost."""
    x, y = part
    return np.concatenate([np.roll(x, shift, axis=(1, 2)) for shift in SHIFTS]), np.tile(y, len(SHIFTS))


def kernels_kept() -> set[Path]:
    """The files in the kernel cache."""
    return set(config.cache_dir.glob("??/*")) if config.cache else set()


def kernels_note(fresh: int) -> str:
    if not config.cache:
        return "The kernel cache is off: the next demo compiles everything again."
    if not fresh:
        return "No kernel had to be compiled: the cache had them all."
    return f"{fresh} kernels were compiled and kept in {config.cache_dir} for the next time."


def with_channel(part: Part) -> Part:
    x, y = part
    return x[..., np.newaxis], y


def fit(options: Options, train: Part, test: Part, watch: Stopwatch) -> tuple[Any, list[NDArray[np.float64]]]:
    """The trained model; the loss of each step, and of the test digits after each epoch."""
    with watch("building the model"):
        model = build(options.epochs * -(-len(train[0]) // BATCH))
    recorder = Recorder()
    with watch("training"):
        history = model.fit(*train, batch_size=BATCH, epochs=options.epochs, validation_data=test, callbacks=[recorder])
    watch.split("training", "tracing the training step", recorder.traced)
    watch.split("training", "compiling it, first step", recorder.first_step - recorder.traced)
    return model, [np.asarray(recorder.losses), np.asarray(history.history["val_loss"], np.float64)]


def save_and_reload(path: Path, model: Any, x: NDArray[np.uint8], expected: NDArray[Any], watch: Stopwatch) -> bool:
    """Whether the model that was written and read again predicts the same bits."""
    with watch("saving the model"):
        model.save(path)
    with watch("loading it again"):
        loaded = keras.models.load_model(path)
    with watch("predicting with that one"):
        again = np.asarray(loaded.predict(x, batch_size=256, verbose=0))
    return bool(np.array_equal(again, expected))


def confusion_table(truth: NDArray[Any], read: NDArray[Any]) -> Table:
    """How often each digit (a row) was read as each (a column)."""
    counts = np.zeros((10, 10), np.int64)
    np.add.at(counts, (truth, read), 1)
    table = Table(title="What was read (columns) for each digit (rows)", title_justify="left")
    table.add_column("")
    for digit in range(10):
        table.add_column(str(digit), justify="right")
    table.add_column("right", justify="right")
    for digit, row in enumerate(counts):
        cells = [cell(count, digit == column) for column, count in enumerate(row.tolist())]
        share = f"{row[digit] / row.sum():.1%}" if row.sum() else "-"
        table.add_row(f"[bold]{digit}[/]", *cells, share)
    return table


def cell(count: int, right: bool) -> str:
    if right:
        return f"[green]{count}[/]"
    return f"[bold red]{count}[/]" if count else "[dim]·[/]"


def phases_table(watch: Stopwatch) -> Table:
    table = Table(title="What each phase cost", title_justify="left")
    table.add_column("phase")
    table.add_column("seconds", justify="right")
    for name, seconds in watch.phases:
        table.add_row(name, f"{seconds:.2f}")
    table.add_section()
    table.add_row("[bold]all[/]", f"[bold]{sum(seconds for _, seconds in watch.phases):.2f}[/]")
    return table


def draw(options: Options, test: Part, probabilities: NDArray[Any], losses: list[NDArray[np.float64]], accuracy: float) -> None:
    draw_mistakes(options.out / "mistakes.png", test, probabilities)
    steps, tests = losses
    at = np.arange(1, len(steps) + 1) * (len(tests) / max(1, len(steps)))
    width = max(1, min(50, len(steps) // 4))
    mean = np.convolve(steps, np.ones(width) / width, "valid")
    curves = [
        Curve("each step", at, steps, "#c9d8ea", 1),
        Curve(f"mean of {width} steps", at[width - 1 :], mean, "#1f6fb2", 2.5),
        Curve("test digits", np.arange(1.0, len(tests) + 1), tests, "#d9480f", 2.5, points=True),
    ]
    subtitle = f"{len(steps):,} steps of {BATCH} digits, seed {options.seed}; {accuracy:.2%} of the test digits read right in the end"
    draw_chart(options.out / "loss.png", "How the loss fell", subtitle, "epoch", "cross-entropy (logarithmic)", curves)


def draw_mistakes(path: Path, test: Part, probabilities: NDArray[Any]) -> None:
    """A sheet of the digits that were read wrongly, those first of which the model was surest."""
    x, y = test
    read, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(read != y)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:TILES]
    tiles = [Tile(x[i, :, :, 0], f"{y[i]} read as {read[i]}", f"{sure[i]:.1%} sure") for i in worst]
    which = f"The {len(worst)} surest of {len(wrong)}" if len(worst) < len(wrong) else f"All {len(wrong)}"
    subtitle = f"{which} digits (of {len(y):,}) that were read wrongly, the surest first"
    draw_sheet(path, "The worst mistakes", subtitle, tiles)
