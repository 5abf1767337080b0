# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/conformance-coap.md names a test for each past fault of other stacks; here it is checked that the test exists."""
import re


def missing(root):
    """Lines that tell which of the tests named in the second table do not exist."""
    text = (root / "docs/conformance-coap.md").read_text()
    table = text[text.index("<!-- faults: begin -->"):text.index("<!-- faults: end -->")]
    named = re.findall(r"`(tests/[\w/.]+|fuzz/[\w/.]+)(?: (\w+))?`", table)
    if not named:
        return ["docs/conformance-coap.md names no tests of past faults"]
    lines = []
    for path, case in named:
        if not (root / path).exists():
            lines.append(f"docs/conformance-coap.md: there is no {path}")
        elif case and not re.search(rf"\b{case}\b", (root / path).read_text()):
            lines.append(f"docs/conformance-coap.md: there is no {case} in {path}")
    return lines
