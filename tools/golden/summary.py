#!/usr/bin/env python3
"""Counts the cases inside JUnit files that ctest or conformance.py wrote; the last line is 'N passed, N failed, N skipped'.

ctest knows programs; a program's output knows cases: GoogleTest's and lit's are counted one by one, so a skipped case
is seen although its program passed. Failures and skips are named with their reasons. Exit 1 when anything failed.
"""
import re
import sys
import xml.etree.ElementTree as ET

GTEST = re.compile(r"^\[\s+(OK|FAILED|SKIPPED)\s+\] ([\w/]+\.[\w/]+)(?:, where .*)? \(\d+ ms\)", re.M)
GTEST_REASON = re.compile(r"^\S+:\d+: Skipped\n(.*)$", re.M)
LIT = re.compile(r"^(PASS|XPASS|FAIL|XFAIL|UNSUPPORTED|UNRESOLVED|TIMEOUT): (.+?) \(\d+ of \d+\)", re.M)
OUTCOME = {"OK": "passed", "PASS": "passed", "XFAIL": "passed", "SKIPPED": "skipped", "UNSUPPORTED": "skipped"}


def cases(test):
    """(outcome, name, reason) of each case of one JUnit testcase."""
    output = "".join(part.text or "" for part in test.findall("system-out"))
    found = [(OUTCOME.get(word, "failed"), name, "") for word, name in GTEST.findall(output) + LIT.findall(output)]
    reasons = iter(GTEST_REASON.findall(output))
    found = [(o, n, next(reasons, "") if o == "skipped" and "." in n else r) for o, n, r in found]
    skip, failure = test.find("skipped"), test.find("failure")
    if not found:
        if skip is not None:
            return [("skipped", test.get("name"), skip.get("message") or "")]
        return [("failed" if failure is not None else "passed", test.get("name"), "")]
    if failure is not None and not any(outcome == "failed" for outcome, _, _ in found):
        found.append(("failed", test.get("name"), "ended badly after its last case"))
    return found


def main():
    totals = {"passed": 0, "failed": 0, "skipped": 0}
    for path in sys.argv[1:]:
        for test in ET.parse(path).getroot().iter("testcase"):
            for outcome, name, reason in cases(test):
                totals[outcome] += 1
                if outcome != "passed":
                    print(f"{outcome}: {name}" + (f": {reason}" if reason else f" ({path})"))
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**totals))
    return 1 if totals["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
