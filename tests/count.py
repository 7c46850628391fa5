#!/usr/bin/python3
"""Counts the test cases in what a test runner has left; prints "passed failed skipped".

usage: count.py meson meson-logs/testlog.json    cmocka programs with CMOCKA_MESSAGE_OUTPUT=tap
       count.py junit FILE.xml                   pytest
       count.py prove FILE.log                   pg_prove --verbose
"""

import json
import re
import sys
import xml.etree.ElementTree

TAP_LINE = re.compile(r"^(not )?ok \d+(.*)$", re.MULTILINE)


def tap(text):
    passed = failed = skipped = 0
    for negated, rest in TAP_LINE.findall(text):
        if "# SKIP" in rest:
            skipped += 1
        elif negated:
            failed += 1
        else:
            passed += 1
    return passed, failed, skipped


def meson(path):
    total = [0, 0, 0]
    with open(path, encoding="utf-8") as log:
        for line in log:
            program = json.loads(line)
            output = program.get("stdout") or ""
            counts = list(tap(output))
            planned = sum(int(n) for n in re.findall(r"^1\.\.(\d+)$", output, re.MULTILINE))
            # A program that ended before its plan, or badly in spite of its cases, is a failure of its own.
            if sum(counts) != planned or planned == 0 or (program["returncode"] != 0 and counts[1] == 0):
                counts[1] += 1
                print(f"{program['name']}: ended with {program['returncode']} after {sum(counts) - 1} of"
                      f" {planned} cases", file=sys.stderr)
            total = [a + b for a, b in zip(total, counts)]
    return total


def junit(path):
    cases = failed = skipped = 0
    for suite in xml.etree.ElementTree.parse(path).getroot().iter("testsuite"):
        for case in suite.iter("testcase"):
            cases += 1
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
            elif case.find("skipped") is not None:
                skipped += 1
    return cases - failed - skipped, failed, skipped


def prove(path):
    with open(path, encoding="utf-8", errors="replace") as log:
        return tap(log.read())


if __name__ == "__main__":
    print(*{"meson": meson, "junit": junit, "prove": prove}[sys.argv[1]](sys.argv[2]))
