"""The command line: which cases, how often, where to."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.case import Case, DisagreementError
from benchmarks.cases import CASES, load_case
from benchmarks.machine import load, machine, versions
from benchmarks.measure import CaseResult, measure, summary_of
from benchmarks.rounds import Progress
from benchmarks.table import bytes_text, console_for_results, print_result
from benchmarks.threads import default_threads, fixed_threads, thread_pools
from ogive._writing import check_writable_folder, write_text

_RESULTS = Path(__file__).parent / "results"
_REPEATS = 5


def main(arguments: Sequence[str] | None = None, references: Sequence[str] = CASES) -> int:
    """Run the command and return its exit status: 1 if the answers of a case disagree."""
    cases = {reference: load_case(reference) for reference in references}
    options = _parser([case.name for case in cases.values()]).parse_args(arguments)
    if options.list:
        for case in cases.values():
            print(f"{case.name:28}{case.summary}")
        return 0
    if options.case:
        cases = {where: case for where, case in cases.items() if case.name in options.case}
    output = options.output or _default_output(options)
    check_writable_folder(output.parent)  # before minutes of work, not after them
    with fixed_threads(options.threads):
        record = _record(options)
        results, refused = _run(cases, options)
        record |= {
            "load_after": load(),
            "cases": [result.summary() for result in results],
            "refused": [
                {"name": error.case, "agreements": summary_of(error.agreements)}
                for error in refused
            ],
        }
    write_text(output, json.dumps(record, indent=2) + "\n")
    print(f"\nwritten to {output}")
    for error in refused:
        print(f"error: {error}", file=sys.stderr)
    return 1 if refused else 0


def _parser(names: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Time Ogive beside its peers; answers are compared before anything is timed.",
    )
    add = parser.add_argument
    add("--case", action="append", choices=names, metavar="NAME", help="only this one; repeatable")
    add("--list", action="store_true", help="name the cases and stop")
    add("--quick", action="store_true", help="tiny sizes, one round: that it runs, not how fast")
    add("--repeats", type=_positive, help=f"timed rounds (default {_REPEATS}, with --quick 1)")
    add("--threads", type=_positive, default=default_threads(), help="default %(default)s")
    add(
        "--memory",
        action=argparse.BooleanOptionalAction,
        help="run every way once more in a fresh process, for its peak memory (default, but not "
        "with --quick)",
    )
    add("--output", type=Path, help=f"JSON file (default: one in {_RESULTS.name}/ beside the code)")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def _default_output(options: argparse.Namespace) -> Path:
    """Return a name that tells what was run, so that a partial run replaces no full one."""
    stem = "+".join(options.case) if options.case else "all"
    return _RESULTS / f"{stem}{'-quick' if options.quick else ''}.json"


def _repeats(options: argparse.Namespace) -> int:
    return options.repeats or (1 if options.quick else _REPEATS)


def _record(options: argparse.Namespace) -> dict[str, Any]:
    """Print and return what the figures depend on."""
    found, packages = machine(), versions()
    print(
        f"{found['processor']}, {found['cores']} cores ({', '.join(found['flags'])}), "
        f"{bytes_text(found['memory_bytes'])}, load {load():.2f}\n"
        f"{', '.join(f'{name} {text}' for name, text in packages.items())}\n"
        f"{options.threads} threads, {_repeats(options)} rounds after one that warms up"
    )
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": found,
        "versions": packages,
        "threads": options.threads,
        "thread_pools": thread_pools(),
        "quick": options.quick,
        "repeats": _repeats(options),
        "load_before": load(),
    }


def _run(
    cases: Mapping[str, Case], options: argparse.Namespace
) -> tuple[list[CaseResult], list[DisagreementError]]:
    """Measure the cases, each printed when it is done; one that is refused stops no other."""
    results, refused = [], []
    console = console_for_results()
    memory = not options.quick if options.memory is None else options.memory
    for reference, case in cases.items():
        try:
            result = measure(
                case,
                quick=options.quick,
                repeats=_repeats(options),
                threads=options.threads,
                reference=reference if memory else None,
                progress=_progress(case.name),
            )
        except DisagreementError as error:
            refused.append(error)
            continue
        print_result(result, console)
        results.append(result)
    return results, refused


def _progress(name: str) -> Progress:
    return lambda text: print(f"{name}: {text}", file=sys.stderr, flush=True)
