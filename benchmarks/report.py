"""What was measured, and what follows from it: the best variants, ratios, goals, scaling; kept as JSON."""

import json
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import bound
import scaling
from common import FRAMEWORKS, Key
from workloads import GOALS, MEMORY, NAMES, TENFOLD_ALONE, TITLES, Goal

Row = list[str]
Rounds = dict[Key, list[dict[str, Any]]]


@dataclass(frozen=True)
class Result:
    """One benchmark over all rounds: the median of the rounds' medians, and the best sample of all."""

    key: Key
    rounds: list[dict[str, Any]]

    @property
    def median(self) -> float:
        return statistics.median(r["median_s"] for r in self.rounds)

    @property
    def best(self) -> float:
        return min(float(r["min_s"]) for r in self.rounds)

    @property
    def beside(self) -> float | None:
        """How many times as long it took as what was run in turns with it."""
        found = [float(r["beside"]) for r in self.rounds if "beside" in r]
        return statistics.median(found) if found else None

    @property
    def first(self) -> float:
        return statistics.median(r["first_s"] for r in self.rounds)

    @property
    def peak(self) -> float:
        """Bytes of the process at its height."""
        return min(float(r.get("peak_bytes", 0)) for r in self.rounds)

    @property
    def name(self) -> str:
        return NAMES[self.key.framework] + ("" if self.key.variant == "plain" else f", {self.key.variant}")


def ratio(own: Result, other: Result) -> float:
    """How many times as long as the other: the median over all turns that they took one after the other in the same rounds; of whole processes,
    over the rounds' best.

    (Best samples of different minutes say more of the minutes: processors change their clocks.)
    """
    together = [(a, b) for a in own.rounds for b in other.rounds if a["at"] == b["at"]]
    turns = [t / u for a, b in together for t, u in zip(a.get("turns", []), b.get("turns", []), strict=False)]
    return statistics.median(turns or [a["min_s"] / b["min_s"] for a, b in together] or [own.best / other.best])


@dataclass
class Report:
    rounds: Rounds = field(default_factory=dict)
    rate: float = 0.0
    numpy: float = 0.0
    conditions: dict[str, str] = field(default_factory=dict)

    def of(self, workload: str, framework: str) -> list[Result]:
        keys = [k for k in self.rounds if (k.workload, k.framework) == (workload, framework) and "alone" not in k.variant]
        return [Result(k, self.rounds[k]) for k in keys]

    def best_of(self, workload: str, framework: str) -> Result | None:
        """The framework's fastest variant of a workload."""
        return min(self.of(workload, framework), key=lambda r: r.best, default=None)

    def rivals(self, workload: str) -> list[Result]:
        return [r for framework in FRAMEWORKS[1:] for r in self.of(workload, framework)]

    def best_rival(self, workload: str) -> Result | None:
        return min(self.rivals(workload), key=lambda r: r.best, default=None)

    def workloads(self) -> list[str]:
        return [w for w in (*TITLES, *TENFOLD_ALONE) if any(k.workload == w for k in self.rounds)]

    def counts(self) -> str:
        """How many rounds: of the benchmark with fewest to that with most."""
        least, most = (extreme(map(len, self.rounds.values()), default=0) for extreme in (min, max))
        return f"rounds: {least}" if least == most else f"rounds: {least} to {most}"

    def versions(self) -> dict[str, str]:
        return {k.framework: r["version"] for k, rounds in self.rounds.items() for r in rounds if r["version"] != "?"}


def duration(seconds: float) -> str:
    unit, scale = ("us", 1e6) if seconds < 1e-4 else ("ms", 1e3) if seconds < 0.9995 else ("s", 1.0)
    return f"{seconds * scale:.3g} {unit}"


def shown(result: Result | None) -> str:
    return f"{duration(result.best)} ({duration(result.median)})" if result else "-"


SUMMARY = ["workload", "Tenfold", "best rival", "Tenfold / rival", "goal", "", "bound", "of the bound"]


def summary(report: Report) -> Iterator[Row]:
    """A row a workload: Tenfold's best variant beside the best rival's, the goal, and the bound."""
    for workload, title in TITLES.items():
        own, rival = report.best_of(workload, "tenfold"), report.best_rival(workload)
        if own:
            other = f"{rival.name}: {shown(rival)}" if rival else "-"
            times = f"{ratio(own, rival):.2f}" if rival else "-"
            yield [title, shown(own), other, times, *judged(report, workload, own), *bounded(report, workload, own)]


def bounded(report: Report, workload: str, own: Result) -> Row:
    if workload not in bound.OPERATIONS:
        return ["-", "-"]
    floor = bound.OPERATIONS[workload] / report.rate
    return [duration(floor), f"{100 * floor / own.best:.0f} %"]


def judged(report: Report, workload: str, own: Result) -> Row:
    """The goal, and whether this run meets it."""
    goal = GOALS.get(workload)
    if goal is None:
        return ["-", "-"]
    if goal.to == "second":
        return [f"<= {duration(goal.factor)}", verdict(own.best, goal.factor)]
    if goal.to == "beside":
        text = f"<= {goal.factor:g}x the bare step"
        return [text, "-" if own.beside is None else f"{own.beside:.2f}x: {verdict(own.beside, goal.factor)}"]
    other = report.best_rival(workload)
    return [f"<= {goal.factor:g}x", "-" if other is None else verdict(ratio(own, other), goal.factor)]


def verdict(value: float, most: float) -> str:
    return "met" if value <= most else "NOT met"


FRAMEWORKS_HEADER = ["workload", *NAMES.values()]


def by_framework(report: Report) -> Iterator[Row]:
    for workload, title in TITLES.items():
        results = [report.best_of(workload, framework) for framework in FRAMEWORKS]
        if any(results):
            yield [title, *map(shown, results)]


MEMORY_HEADER = ["workload", "Tenfold", "least of the rivals", "Tenfold / rival", "goal", ""]


def memory(report: Report) -> Iterator[Row]:
    """The whole process at its height, compilation included; Tenfold's fastest variant beside the rivals' thriftiest."""
    for workload, goal in MEMORY.items():
        own, rivals = report.best_of(workload, "tenfold"), report.rivals(workload)
        if own and rivals:
            rival = min(rivals, key=lambda r: r.peak)
            share = own.peak / rival.peak
            yield [TITLES[workload], size(own.peak), f"{rival.name}: {size(rival.peak)}", f"{share:.2f}", limit(goal), verdict(share, goal.factor)]


def size(nbytes: float) -> str:
    return f"{nbytes / 2**20:.0f} MiB"


def limit(goal: Goal) -> str:
    return f"<= {goal.factor:g}x"


SCALING_HEADER = ["what", "measured", "compared", ""]


def scaled(report: Report) -> Iterator[Row]:
    """Whether time grows with the work, and compile time does not."""
    yield from growth(report, "a step's time per image, ResNet-18", [(n, f"resnet18_{n}_images") for n in scaling.BATCHES])
    yield from growth(report, "a step's time per layer, GPT", [(n, f"gpt_{n}") for n in scaling.DEPTHS])
    for caches, name in (("empty", "cold"), ("filled", "warm")):
        yield from compiling(report, f"to trace and compile, caches {caches}, GPT", name)
    one, two = report.best_of(scaling.ONE_THREAD, "tenfold"), report.best_of("resnet18_16_images", "tenfold")
    if one and two:
        times = ratio(one, two)
        yield ["one thread / two, ResNet-18", f"{duration(one.best)} / {duration(two.best)}", f"{times:.2f}x", f">= 1.8x: {verdict(-times, -1.8)}"]


def growth(report: Report, title: str, points: list[tuple[int, str]]) -> Iterator[Row]:
    yield from compared(title, [(n, r.best / n) for n, w in points if (r := report.best_of(w, "tenfold"))])


def compiling(report: Report, title: str, caches: str) -> Iterator[Row]:
    """The first step less a later one."""
    found = [(n, report.best_of(f"gpt_{n}_first_{caches}", "tenfold"), report.best_of(f"gpt_{n}", "tenfold")) for n in scaling.DEPTHS]
    yield from compared(title, [(n, first.best - step.best) for n, first, step in found if first and step])


def compared(title: str, values: list[tuple[int, float]]) -> Iterator[Row]:
    if len(values) > 1:
        yield [title, ", ".join(f"{n}: {duration(value)}" for n, value in values), f"{values[-1][1] / values[0][1]:.2f}x the first", ""]


DETAIL = ["workload", "framework", "variant", "best", "median", "first result after", "peak memory"]


def details(report: Report) -> Iterable[Row]:
    titles = {**TITLES, **TENFOLD_ALONE}
    for workload in report.workloads():
        for key, rounds in report.rounds.items():
            if key.workload == workload:
                r = Result(key, rounds)
                times = [duration(r.best), duration(r.median), duration(r.first)]
                yield [titles[workload], NAMES[key.framework], key.variant, *times, size(r.peak) if r.peak else "-"]


def to_json(report: Report) -> str:
    rows = [{**asdict(key), "rounds": rounds} for key, rounds in report.rounds.items()]
    rates = {"operations_per_second": report.rate, "numpy_operations_per_second": report.numpy}
    return json.dumps({"conditions": report.conditions, **rates, "results": rows}, indent=1)


def from_json(text: str) -> Report:
    stored = json.loads(text)
    rounds = {Key(r["workload"], r["framework"], r["variant"]): r["rounds"] for r in stored["results"]}
    return Report(rounds, stored["operations_per_second"], stored["numpy_operations_per_second"], stored["conditions"])


MEMORY_NOTE = "The process at its height (`VmHWM`): imports, compilation and all. Beside the rival's variant that needs least."
SCALING_NOTE = "Tenfold alone: time grows with batch and depth as the work does, compile time not with the number of equal blocks."


def section(title: str, note: str, header: Row, rows: Iterable[Row]) -> str:
    """Nothing where nothing was measured."""
    rows = list(rows)
    return f"## {title}\n\n{note}\n\n{table(header, rows)}\n\n" if rows else ""


def markdown(report: Report) -> str:
    named = ", ".join(f"{NAMES[f]} {v}" for f, v in report.versions().items())
    facts = report.conditions
    return f"""# Benchmarks

Measured on {facts["date"]} by `{facts["command"]}`: {facts["processor"]}, {facts["threads"]} threads, Python {facts["python"]}; {named}.
Each framework in its own environment and process; all processes of a workload stand ready and measure in turns, {report.counts()}. The best sample
of at least 20 ms, and the median in parentheses; a framework's best variant. Ratios are of times, and below 1 Tenfold is faster: the median over
pairs of turns, one right after the other, because the clock of this machine and what its neighbours do change from second to second. The bound is
arithmetic alone, at {report.rate / 1e9:.0f} GFLOP/s, which is what chains of multiply-adds in registers reach (NumPy's matrix product:
{report.numpy / 1e9:.0f}). It counts the multiplications of the definition; Winograd's convolutions need fewer, so a share may exceed 100 %.

{table(SUMMARY, summary(report))}

{section("Memory", MEMORY_NOTE, MEMORY_HEADER, memory(report))}\
{section("Scaling", SCALING_NOTE, SCALING_HEADER, scaled(report))}\
## Every framework's best variant

{table(FRAMEWORKS_HEADER, by_framework(report))}

## All variants

"First result after" counts from the start of the framework's import to the first finished step, compilation included.

{table(DETAIL, details(report))}
"""


def table(header: Row, rows: Iterable[Row]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows))
