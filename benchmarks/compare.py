"""Runs the workloads in Tenfold and in each rival, every one in its own environment and process, in turns, and prints who is how fast.

    python benchmarks/compare.py                                  everything, three rounds
    python benchmarks/compare.py --workload mlp_b128 cnn_b32      only these
    python benchmarks/compare.py --framework tenfold torch --rounds 1
    python benchmarks/compare.py --json out.json --markdown docs/benchmarks.md
    python benchmarks/compare.py --from-json out.json             prints what was measured before

Rivals' environments: `benchmarks/make_venvs.sh`. Tenfold runs in the Python that runs this.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import bound
import eager
import exported
import fit_predict
import recurrent
import startup
import train_steps
import transformers
import vision
from common import FRAMEWORKS, RIVALS, Key, Suite, python_of
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
FILES = (train_steps, vision, recurrent, transformers, exported, fit_predict, eager, startup)
SUITES: tuple[Suite, ...] = tuple(file.SUITE for file in FILES)
NAMES = dict(zip(FRAMEWORKS, ("Tenfold", "TensorFlow", "PyTorch", "JAX", "ONNX Runtime", "OpenVINO", "LiteRT"), strict=True))
LIMITS = {"predict_row": 0.3e-3, "import": 0.25, "import_and_add": 0.25}
STEPS = ("mlp_b128", "cnn_b32", "cnn_b256")  # no slower than the best rival is their goal
TITLES = {
    "mlp_b128": "MLP 784-128-10, Adam, batch 128, one step",
    "cnn_b32": "CIFAR CNN, Adam, batch 32, one step",
    "cnn_b256": "CIFAR CNN, Adam, batch 256, one step",
    "resnet18_train": "ResNet-18, 224x224, SGD with momentum, batch 16, one step",
    "resnet18_b1": "ResNet-18, batch 1, inference",
    "resnet18_b1_bf16": "the same in bfloat16",
    "mobilenetv2_b1": "MobileNetV2, batch 1, inference",
    "lstm": "embedding 20000x128, LSTM 128, 100 steps, Adam, batch 64, one step",
    "gpt": "GPT, 6 layers x 384, 6 heads, T 256, AdamW, batch 8, one step",
    "gpt_bf16": "the same in mixed bfloat16",
    "bert": "BERT-base encoder, T 128, batch 1, inference",
    "bert_bf16": "the same in bfloat16",
    "fit_mlp": "`fit` per step, MLP, batch 128",
    "fit_cnn_b32": "`fit` per step, CIFAR CNN, batch 32",
    "predict_row": "`predict` of one row, MLP",
    "add_8x8": "eager add of 8x8",
    "tanh_gradient": "eager tanh(a @ w).sum() and its gradient, 8x8",
    "import": "import",
    "import_and_add": "import and one addition",
}


@dataclass(frozen=True)
class Result:
    """One benchmark over all rounds: the median of the rounds' medians, and the best sample of all."""

    key: Key
    median: float
    best: float
    first: float
    version: str


@dataclass(frozen=True)
class Report:
    results: dict[Key, Result]
    rate: float
    conditions: dict[str, str]

    def best_of(self, workload: str, framework: str) -> Result | None:
        """The framework's fastest variant of a workload."""
        found = [r for k, r in self.results.items() if (k.workload, k.framework) == (workload, framework) and "alone" not in k.variant]
        return min(found, key=lambda r: r.best, default=None)

    def workloads(self) -> list[str]:
        return [w for w in TITLES if any(k.workload == w for k in self.results)]


def run_once(suite: Suite, key: Key, options: argparse.Namespace) -> dict[str, Any] | None:
    """One process; None, and a line on stderr, if it fails."""
    command = [str(python_of(key.framework, options.rivals)), str(HERE / suite.file), "--framework", key.framework]
    command += ["--workload", key.workload, "--variant", key.variant, "--seconds", str(options.seconds)]
    environment = {**os.environ, "TENFOLD_RIVALS": str(options.rivals)}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=options.timeout, check=True, env=environment)
        return dict(json.loads(done.stdout.strip().splitlines()[-1]))
    except (subprocess.SubprocessError, OSError, ValueError, IndexError) as error:
        detail = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1:]
        print(f"{key.workload} {key.framework} {key.variant}: {detail}", file=sys.stderr)
        return None


def chosen(suite: Suite, options: argparse.Namespace) -> list[Key]:
    return [
        key
        for key in suite.benchmarks
        if key.framework in options.framework and key.workload in options.workload and key.variant not in options.skip_variant
    ]


def measure(options: argparse.Namespace) -> Iterator[Report]:
    """Round after round, so that a slow minute of the machine falls on everyone; a report after each file, so that nothing is lost."""
    raw: dict[Key, list[dict[str, Any]]] = {}
    failed: set[Key] = set()
    rates: list[float] = []
    for number in range(options.rounds):
        for suite in SUITES:
            rates.append(measured_rate())
            for key in chosen(suite, options):
                if key in failed:
                    continue
                print(f"round {number + 1}: {key.workload} {key.framework} {key.variant}", file=sys.stderr)
                result = run_once(suite, key, options)
                if result is None:
                    failed.add(key)
                else:
                    raw.setdefault(key, []).append(result)
            yield Report({key: summary(key, rounds) for key, rounds in raw.items()}, max(rates), conditions(options))


def summary(key: Key, rounds: list[dict[str, Any]]) -> Result:
    median = statistics.median(r["median_s"] for r in rounds)
    return Result(key, median, min(r["min_s"] for r in rounds), statistics.median(r["first_s"] for r in rounds), rounds[0]["version"])


def measured_rate() -> float:
    output = subprocess.run([sys.executable, str(HERE / "bound.py")], capture_output=True, text=True, check=True).stdout
    return float(json.loads(output)["operations_per_second"])


def conditions(options: argparse.Namespace) -> dict[str, str]:
    return {
        "date": date.today().isoformat(),
        "processor": processor(),
        "python": platform.python_version(),
        "threads": "2",
        "rounds": str(options.rounds),
        "command": "python benchmarks/compare.py " + " ".join(a if "/" not in a else Path(a).name for a in sys.argv[1:]),
    }


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    unit, scale = ("us", 1e6) if seconds < 1e-4 else ("ms", 1e3) if seconds < 1 else ("s", 1.0)
    return f"{seconds * scale:.3g} {unit}"


def versions(report: Report) -> dict[str, str]:
    return {k.framework: r.version for k, r in report.results.items() if r.version != "?"}


def summary_rows(report: Report) -> Iterable[list[str]]:
    """A row a workload: each framework's best variant, Tenfold against the best rival, and the bound."""
    for workload in report.workloads():
        results = {f: report.best_of(workload, f) for f in FRAMEWORKS}
        cells = [f"{duration(r.best)} ({duration(r.median)})" if r else "-" for r in results.values()]
        floor = bound.OPERATIONS[workload] / report.rate if workload in bound.OPERATIONS else None
        yield [TITLES[workload], *cells, ratio(results), duration(floor), fraction(results["tenfold"], floor), goal(report, workload)]


def ratio(results: dict[str, Result | None]) -> str:
    """Rival's time over Tenfold's: above 1, Tenfold is faster."""
    rivals = [r.best for f, r in results.items() if f != "tenfold" and r]
    own = results["tenfold"]
    return f"{min(rivals) / own.best:.2f}x" if rivals and own else "-"


def fraction(own: Result | None, floor: float | None) -> str:
    return f"{100 * floor / own.best:.0f} %" if own and floor else "-"


def goal(report: Report, workload: str) -> str:
    """The aim, and whether this run meets it."""
    own = report.best_of(workload, "tenfold")
    if own is None:
        return "-"
    if workload in LIMITS:
        return f"<= {duration(LIMITS[workload])}: {verdict(own.best <= LIMITS[workload])}"
    bare = report.best_of({"fit_mlp": "mlp_b128", "fit_cnn_b32": "cnn_b32"}.get(workload, ""), "tenfold")
    if workload.startswith("fit"):
        return f"{own.best / bare.best:.2f} of the bare step, <= 1.2: {verdict(own.best <= 1.2 * bare.best)}" if bare else "-"
    rivals = [r.best for f in FRAMEWORKS[1:] if (r := report.best_of(workload, f)) and workload in STEPS]
    return f"<= best rival: {verdict(own.best <= min(rivals))}" if rivals else "-"


def verdict(met: bool) -> str:
    return "met" if met else "NOT met"


HEADER = ["workload", *NAMES.values(), "best rival / Tenfold", "bound", "of the bound", "goal"]
DETAIL_HEADER = ["workload", "framework", "variant", "best", "median", "first result after"]


def detail_rows(report: Report) -> Iterable[list[str]]:
    for workload in report.workloads():
        for key, r in report.results.items():
            if key.workload == workload:
                yield [TITLES[workload], NAMES[key.framework], key.variant, duration(r.best), duration(r.median), duration(r.first)]


def print_table(title: str, header: list[str], rows: Iterable[list[str]]) -> None:
    table = Table(title=title)
    for column in header:
        table.add_column(column)
    for row in rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def markdown(report: Report) -> str:
    named = ", ".join(f"{NAMES[f]} {v}" for f, v in versions(report).items())
    facts = report.conditions
    return "\n".join(
        [
            "# Benchmarks",
            "",
            f"Measured on {facts['date']} by `{facts['command']}`: {facts['processor']}, {facts['threads']} threads, Python {facts['python']};",
            f"{named}. Each framework in its own environment and process, in turns, rounds: {facts['rounds']}. The best sample of at least",
            "20 ms, and the median in parentheses; a framework's best variant. The bound is arithmetic alone, at",
            f"{report.rate / 1e9:.0f} GFLOP/s, which is what NumPy's matrix product reached in the same run.",
            "",
            *markdown_table(HEADER, summary_rows(report)),
            "",
            "## All variants",
            "",
            '"First result after" counts from the start of the framework\'s import to the first finished step, compilation included.',
            "",
            *markdown_table(DETAIL_HEADER, detail_rows(report)),
            "",
        ]
    )


def markdown_table(header: list[str], rows: Iterable[list[str]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows)]


def to_json(report: Report) -> str:
    rows = [{**vars(k), "median_s": r.median, "min_s": r.best, "first_s": r.first, "version": r.version} for k, r in report.results.items()]
    return json.dumps({"conditions": report.conditions, "operations_per_second": report.rate, "results": rows}, indent=1)


def from_json(text: str) -> Report:
    stored = json.loads(text)
    found = [
        Result(Key(r["workload"], r["framework"], r["variant"]), r["median_s"], r["min_s"], r["first_s"], r["version"]) for r in stored["results"]
    ]
    return Report({r.key: r for r in found}, stored["operations_per_second"], stored["conditions"])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rivals", type=Path, default=RIVALS, help="folder of make_venvs.sh")
    parser.add_argument("--framework", nargs="+", choices=FRAMEWORKS, default=list(FRAMEWORKS))
    parser.add_argument("--workload", nargs="+", choices=sorted(TITLES), default=list(TITLES))
    parser.add_argument("--skip-variant", nargs="+", default=[], help="for instance: compile")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.6, help="least time of samples in a process")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one process")
    parser.add_argument("--json", type=Path, help="writes all figures here")
    parser.add_argument("--markdown", type=Path, help="writes the tables here")
    parser.add_argument("--from-json", type=Path, help="measures nothing; reads a file of --json")
    return parser.parse_args()


def write(report: Report, options: argparse.Namespace) -> None:
    if options.json:
        options.json.write_text(to_json(report))
    if options.markdown:
        options.markdown.write_text(markdown(report))


def main() -> None:
    options = parse()
    reports = [from_json(options.from_json.read_text())] if options.from_json else measure(options)
    for report in reports:
        write(report, options)
    print_table("All variants", DETAIL_HEADER, detail_rows(report))
    print_table("Best sample (median), two threads", HEADER, summary_rows(report))


if __name__ == "__main__":
    main()
