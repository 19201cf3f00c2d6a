"""Runs the workloads in Tenfold and in each rival, every one in its own environment and process, in turns, and prints who is how fast.

    python benchmarks/compare.py                                  everything, three rounds
    python benchmarks/compare.py --workload mlp_b128 cnn_b32      only these
    python benchmarks/compare.py --framework tenfold torch --rounds 1
    python benchmarks/compare.py --json out.json --markdown docs/benchmarks.md
    python benchmarks/compare.py --workload gpt --json out.json --add         one more round into the same file
    python benchmarks/compare.py --from-json out.json             prints what was measured before

Rivals' environments: `benchmarks/make_venvs.sh`. Tenfold runs in the Python that runs this.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import report as reports
from common import FRAMEWORKS, RIVALS, THREADS, Key, Suite, python_of
from report import Report
from rich.console import Console
from rich.table import Table
from workloads import TENFOLD_ALONE, TITLES, benchmarks

HERE = Path(__file__).resolve().parent


class Process:
    """One benchmark in its own process and environment."""

    def __init__(self, suite: Suite, key: Key, options: argparse.Namespace) -> None:
        command = [str(python_of(key.framework, options.rivals)), str(HERE / suite.file), "--framework", key.framework]
        command += ["--workload", key.workload, "--variant", key.variant, "--seconds", str(options.seconds)]
        command += [] if suite.alone else ["--in-turns"]
        self.key = key
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (`result` closes it)
        environment = {**os.environ, "TENFOLD_RIVALS": str(options.rivals)}
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True, env=environment)
        self.watch = threading.Timer(options.timeout, self.child.kill)
        self.watch.start()
        self.alive = True if suite.alone else self.answers("ready")

    def answers(self, expected: str) -> bool:
        """Reads until a line says what is expected; False if the process ended instead."""
        assert self.child.stdout
        return any(line.strip() == expected for line in self.child.stdout)

    def take_turn(self) -> None:
        assert self.child.stdin
        with suppress(BrokenPipeError):
            print("go", file=self.child.stdin, flush=True)
        self.alive = self.answers("done")

    def result(self) -> dict[str, Any] | None:
        """What the process measured; None, and a line on stderr, if it failed."""
        output, _ = self.child.communicate()
        self.watch.cancel()
        try:
            return dict(json.loads(output.strip().splitlines()[-1]))
        except (ValueError, IndexError):
            self.errors.seek(0)
            detail = (self.errors.read() or f"ended with {self.child.returncode}").strip().splitlines()[-1:]
            print(f"{self.key.workload} {self.key.framework} {self.key.variant}: {detail}", file=sys.stderr)
            return None
        finally:
            self.errors.close()


def one_round(benchmarks: list[tuple[Suite, Key]], options: argparse.Namespace) -> dict[Key, dict[str, Any] | None]:
    """Whole processes one after the other; steps in turns, so that everyone has the same minute of the machine, and the same neighbours."""
    alone = {key: Process(suite, key, options).result() for suite, key in benchmarks if suite.alone}
    processes = [Process(suite, key, options) for suite, key in benchmarks if not suite.alone]
    start = time.perf_counter()
    for turn in range(options.turns):
        if turn > 1 and time.perf_counter() - start > options.patience:
            break
        for process in processes[:: -1 if turn % 2 else 1]:
            if process.alive:
                process.take_turn()
    return {**alone, **{process.key: process.result() for process in processes}}


def chosen(workload: str, options: argparse.Namespace) -> list[tuple[Suite, Key]]:
    return [(suite, key) for suite, key in benchmarks(workload) if key.framework in options.framework and key.variant not in options.skip_variant]


def measure(report: Report, options: argparse.Namespace) -> None:
    """Round after round of fresh processes; written after each workload, so that nothing is lost."""
    failed: set[Key] = set()
    for number in range(options.rounds):
        rates = measured_rates()
        report.rate, report.numpy = max(report.rate, rates["operations_per_second"]), max(report.numpy, rates["numpy"])
        for workload in options.workload:
            benchmarks = [(suite, key) for suite, key in chosen(workload, options) if key not in failed]
            print(f"round {number + 1}: {workload}", *(f"{key.framework}:{key.variant}" for _, key in benchmarks), file=sys.stderr)
            at = round(time.time())
            for key, result in one_round(benchmarks, options).items():
                if result is None:
                    failed.add(key)
                else:
                    report.rounds.setdefault(key, []).append({**result, "at": at})
            write(report, options)


def measured_rates() -> dict[str, float]:
    output = subprocess.run([sys.executable, str(HERE / "bound.py")], capture_output=True, text=True, check=True).stdout
    return dict(json.loads(output))


def conditions(options: argparse.Namespace) -> dict[str, str]:
    words = " ".join(a if "/" not in a else Path(a).name for a in sys.argv[1:])
    return {
        "date": date.today().isoformat(),
        "processor": processor(),
        "python": platform.python_version(),
        "threads": str(THREADS),
        "command": "python benchmarks/compare.py " + ("--json FILE --add --workload ..." if options.add else words),
    }


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def print_table(title: str, header: list[str], rows: Iterable[list[str]]) -> None:
    table = Table(title=title)
    for column in header:
        table.add_column(column)
    for row in rows:
        table.add_row(*row)
    if table.row_count:
        Console(width=None if sys.stdout.isatty() else 200).print(table)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    everything = [*TITLES, *TENFOLD_ALONE]
    parser.add_argument("--rivals", type=Path, default=RIVALS, help="folder of make_venvs.sh")
    parser.add_argument("--framework", nargs="+", choices=FRAMEWORKS, default=list(FRAMEWORKS))
    parser.add_argument("--workload", nargs="+", choices=everything, metavar="WORKLOAD", default=everything, help=", ".join(everything))
    parser.add_argument("--skip-variant", nargs="+", default=[], help="for instance: compile")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--turns", type=int, default=12, help="of every process in a round")
    parser.add_argument("--seconds", type=float, default=0.1, help="least time of samples in a turn")
    parser.add_argument("--patience", type=float, default=60, help="seconds after which a round gets no further turns (but two)")
    parser.add_argument("--timeout", type=float, default=600, help="seconds for one process, others' turns included")
    parser.add_argument("--json", type=Path, help="writes all figures here")
    parser.add_argument("--add", action="store_true", help="to what the file of --json has already")
    parser.add_argument("--markdown", type=Path, help="writes the tables here")
    parser.add_argument("--from-json", type=Path, help="measures nothing; reads a file of --json")
    return parser.parse_args()


def write(report: Report, options: argparse.Namespace) -> None:
    if options.json:
        options.json.write_text(reports.to_json(report))
    if options.markdown:
        options.markdown.write_text(reports.markdown(report))


def main() -> None:
    options = parse()
    known = options.from_json or (options.json if options.add and options.json.exists() else None)
    report = reports.from_json(known.read_text()) if known else Report(conditions=conditions(options))
    if not options.from_json:
        measure(report, options)
    write(report, options)
    print_table("All variants", reports.DETAIL, reports.details(report))
    print_table("Scaling", reports.SCALING_HEADER, reports.scaled(report))
    print_table("Peak memory", reports.MEMORY_HEADER, reports.memory(report))
    print_table("Best sample (median), two threads", reports.SUMMARY, reports.summary(report))


if __name__ == "__main__":
    main()
