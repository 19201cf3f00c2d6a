"""The command `tenfold`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tenfold import demo, info
from tenfold.compat import aliases
from tenfold.core.errors import OpError


def parser() -> argparse.ArgumentParser:
    """The command line that `tenfold` understands."""
    top = argparse.ArgumentParser(prog="tenfold", description="TensorFlow 2 and Keras 3 done again as a small compiler in plain Python.")
    top.add_argument("--version", action="version", version=f"tenfold {info.version()}")
    commands = top.add_subparsers(dest="command", metavar="command", required=True)
    commands.add_parser("info", help="print versions, processor, threads, kernel cache and devices")
    defaults = demo.Options()
    demo_parser = commands.add_parser(
        "demo",
        help="train a convolutional network on handwritten digits",
        description="Trains a convolutional network on handwritten digits, shows its mistakes, saves it, loads it and predicts.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    demo_parser.add_argument("--epochs", type=positive, default=defaults.epochs, help="how often to go through the digits")
    demo_parser.add_argument("--out", type=Path, default=defaults.out, metavar="DIR", help="folder for the model and the pictures")
    demo_parser.add_argument("--seed", type=int, default=defaults.seed, help="seed of all random numbers")
    run_parser = commands.add_parser("run", help="run a program that imports tensorflow or keras on Tenfold")
    run_parser.add_argument("file", help="the program")
    run_parser.add_argument("arguments", nargs=argparse.REMAINDER, help="its arguments")
    return top


def positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1; received {text!r}")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status."""
    options = parser().parse_args(arguments)
    if options.command == "run":  # its errors are its own: with their tracebacks
        aliases.run(options.file, options.arguments)
        return 0
    try:
        if options.command == "info":
            return info.run()
        return demo.run(demo.Options(options.epochs, options.out, options.seed))
    except (OpError, OSError) as error:
        print(f"tenfold: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ntenfold: stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
