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
import time
from collections.abc import Iterable
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


def run_once(suite: Suite, key: Key, options: argparse.Namespace) -> dict[str, Any] | None:
    """One process; None, and a line on stderr, if it fails."""
    command = [str(python_of(key.framework, options.rivals)), str(HERE / suite.file), "--framework", key.framework]
    command += ["--workload", key.workload, "--variant", key.variant, "--seconds", str(options.seconds)]
    environment = {**os.environ, "TENFOLD_RIVALS": str(options.rivals)}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=options.timeout, check=True, env=environment)
        return {**json.loads(done.stdout.strip().splitlines()[-1]), "at": round(time.time())}
    except (subprocess.SubprocessError, OSError, ValueError, IndexError) as error:
        detail = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1:]
        print(f"{key.workload} {key.framework} {key.variant}: {detail}", file=sys.stderr)
        return None


def chosen(workload: str, options: argparse.Namespace) -> list[tuple[Suite, Key]]:
    return [(suite, key) for suite, key in benchmarks(workload) if key.framework in options.framework and key.variant not in options.skip_variant]


def measure(report: Report, options: argparse.Namespace) -> None:
    """Round after round, so that a slow minute of the machine falls on everyone; written after each workload, so that nothing is lost."""
    failed: set[Key] = set()
    for number in range(options.rounds):
        rates = measured_rates()
        report.rate, report.numpy = max(report.rate, rates["operations_per_second"]), max(report.numpy, rates["numpy"])
        for workload in options.workload:
            for suite, key in chosen(workload, options):
                print(f"round {number + 1}: {key.workload} {key.framework} {key.variant}", file=sys.stderr)
                result = None if key in failed else run_once(suite, key, options)
                if result is None:
                    failed.add(key)
                else:
                    report.rounds.setdefault(key, []).append(result)
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
    parser.add_argument("--seconds", type=float, default=0.6, help="least time of samples in a process")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one process")
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
