"""Loops in LLVM text: a stack of scopes, so that code can be added before a loop while its body is being written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Key = tuple[int, int, int]  # node, view, instance


@dataclass(slots=True)
class Scope:
    """The straight part of a loop's body: its text, and what was computed there."""

    counter: list[int]
    label: str
    lines: list[str] = field(default_factory=list)
    memo: dict[Key, str] = field(default_factory=dict)

    def __call__(self, text: str) -> str:
        """Appends an instruction; returns the name of its result."""
        self.counter[0] += 1
        name = f"%v{self.counter[0]}"
        self.lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        """Appends an instruction without a result."""
        self.lines.append("  " + text)


class Scopes:
    """The stack of open scopes of one function; scope 0 is its entry."""

    def __init__(self) -> None:
        self.counter = [0]
        self.stack = [Scope(self.counter, "entry")]
        self.allocas: list[str] = []

    @property
    def top(self) -> Scope:
        """The innermost scope."""
        return self.stack[-1]

    def fresh(self, prefix: str) -> str:
        """A name not used yet."""
        self.counter[0] += 1
        return f"{prefix}{self.counter[0]}"

    def alloca(self, type_: str) -> str:
        """A stack slot; the optimizer turns it into registers."""
        name = self.fresh("%a")
        self.allocas.append(f"  {name} = alloca {type_}")
        return name

    @contextmanager
    def block(self) -> Iterator[Scope]:
        """A scope without control flow: what is remembered in it is forgotten at its end."""
        scope = Scope(self.counter, self.top.label)
        self.stack.append(scope)
        yield scope
        self.stack.pop()
        self.top.lines += scope.lines
        self.top.label = scope.label

    @contextmanager
    def loop(self, low: str, high: str, step: int | list[str]) -> Iterator[str]:
        """for i in range(low, high, step): yields the name of i. A step that varies is put into a list by the body."""
        body, done, i = self.fresh("b"), self.fresh("x"), self.fresh("%i")
        scope = Scope(self.counter, body)
        self.stack.append(scope)
        yield i
        self.stack.pop()
        parent = self.top
        enter = parent(f"icmp slt i64 {low}, {high}")
        parent.do(f"br i1 {enter}, label %{body}, label %{done}")
        after = scope(f"add nsw i64 {i}, {step if isinstance(step, int) else step[0]}")
        again = scope(f"icmp slt i64 {after}, {high}")
        scope.do(f"br i1 {again}, label %{body}, label %{done}")
        parent.lines.append(f"{body}:\n  {i} = phi i64 [ {low}, %{parent.label} ], [ {after}, %{scope.label} ]")
        parent.lines += scope.lines
        parent.lines.append(f"{done}:")
        parent.label = done

    @contextmanager
    def condition(self, flag: str) -> Iterator[Scope]:
        """if flag: ..."""
        body, done = self.fresh("b"), self.fresh("x")
        scope = Scope(self.counter, body)
        self.stack.append(scope)
        yield scope
        self.stack.pop()
        parent = self.top
        parent.do(f"br i1 {flag}, label %{body}, label %{done}")
        scope.do(f"br label %{done}")
        parent.lines += [f"{body}:", *scope.lines, f"{done}:"]
        parent.label = done
