"""`python -m bench [NAME…] [--json] [--tiny]`: measure, print one table."""

import argparse
import json
import sys
from collections.abc import Callable
from importlib import import_module

from bench.figures import Figure
from bench.table import as_json, machine, show

BENCHMARKS = {
    "agent": "bench.agent_run",
    "intake": "bench.intake",
    "assessment": "bench.assessment",
    "report": "bench.report",
    "backup_files": "bench.backup_files",
    "offsite": "bench.offsite",
    "calendar": "bench.calendar",
    "databases": "bench.databases",
    "remote": "bench.remote",
}
"""Name → module; each has `measure`. Only what is asked for is loaded."""


def main() -> int:
    """Run the benchmarks named, all by default, one after the other."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--tiny", action="store_true", help="see that it works; figures say little")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    described = machine()
    figures: list[Figure] = []
    for name in arguments.names or BENCHMARKS:
        sys.stderr.write(f"bench: {name} ...\n")
        measure: Callable[..., list[Figure]] = import_module(BENCHMARKS[name]).measure
        figures += measure(tiny=arguments.tiny)
    if arguments.json:
        json.dump(as_json(figures, described), sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
    else:
        show(figures, described, sys.stdout)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
