# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs rows side by side, each in a Place of its own, and keeps the table of what was seen in a document."""
import argparse
import concurrent.futures
import pathlib
import subprocess
import time

import peers

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BEGIN, END = "<!-- rows: begin -->\n", "<!-- rows: end -->\n"
AT_ONCE = 24


def run_row(place, row):
    name, role, title, function = row
    try:
        verdict, seen = "pass", function(place)
    except peers.Later as reason:
        verdict, seen = "later", str(reason)
    except (peers.Failure, peers.Malformed, subprocess.TimeoutExpired, OSError) as problem:
        verdict, seen = "FAIL", str(problem)
    except Exception as problem:
        verdict, seen = "FAIL", f"{type(problem).__name__}: {problem}"
    finally:
        place.stack.close()
    return name, role, verdict, " ".join(f"{title}: {seen}".split())


def run_all(make_place, build, only):
    rows = [row for row in peers.ROWS if only in row[0]]
    slow_first = sorted(range(len(rows)), key=lambda i: not getattr(rows[i][3], "is_slow", False))
    results = [None] * len(rows)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        futures = {pool.submit(run_row, make_place(build), rows[i]): i for i in slow_first}
        for future in concurrent.futures.as_completed(futures):
            results[futures[future]] = future.result()
    return results


def table(results):
    lines = ["| row | role | verdict | what was seen |", "|---|---|---|---|"]
    lines += ["| " + " | ".join(part.replace("|", "\\|") for part in result) + " |" for result in results]
    return "\n".join(lines) + "\n"


def checked_in(document):
    text = document.read_text()
    return text[text.index(BEGIN) + len(BEGIN):text.index(END)]


def write(document, text):
    old = document.read_text()
    document.write_text(old[:old.index(BEGIN) + len(BEGIN)] + text + old[old.index(END):])


def main(description, document, make_place, more_checks=lambda: [], in_front=lambda: ""):
    """The program of a suite, whose rows have been registered; its exit status. `document` is a path below the root; what the rows
    have to say together stands in front of their table."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--write", action="store_true", help=f"put the table into {document}")
    parser.add_argument("--only", default="", metavar="TEXT", help="rows whose name has this text")
    arguments = parser.parse_args()
    start = time.monotonic()
    results = run_all(make_place, arguments.build.resolve(), arguments.only)
    failed = [result for result in results if result[2] == "FAIL"]
    count = {verdict: sum(result[2] == verdict for result in results) for verdict in ("pass", "later", "FAIL")}
    for result in failed:
        print("FAIL  " + "  ".join((result[0], result[1], result[3])))
    is_stale = False
    if arguments.write:
        write(ROOT / document, in_front() + table(results))
    elif not arguments.only and not failed:
        is_stale = checked_in(ROOT / document) != in_front() + table(results)
    if is_stale:
        print(f"the table in {document} is not what this run has seen; run again with --write")
    missing = more_checks()
    for line in missing:
        print(f"FAIL  {line}")
    print(f"{count['pass']} passed, {count['later']} for later, {count['FAIL']} failed in {time.monotonic() - start:.0f} s")
    return 1 if failed or is_stale or missing else 0
