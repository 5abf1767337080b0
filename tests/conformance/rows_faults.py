# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents of conformance name a test for each past fault of others; here it is checked that the test exists."""
import re


def missing(root, document):
    """Lines that tell which of the tests named in the document's table of faults do not exist."""
    text = (root / document).read_text()
    table = text[text.index("<!-- faults: begin -->"):text.index("<!-- faults: end -->")]
    named = re.findall(r"`(tests/[\w/.]+|fuzz/[\w/.]+)(?: (\w+))?`", table)
    if not named:
        return [f"{document} names no tests of past faults"]
    lines = []
    for path, case in named:
        if not (root / path).exists():
            lines.append(f"{document}: there is no {path}")
        elif case and not re.search(rf"\b{case}\b", (root / path).read_text()):
            lines.append(f"{document}: there is no {case} in {path}")
    return lines
