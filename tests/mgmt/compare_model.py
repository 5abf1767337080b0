#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds the compiled-in model against the object files: compare_model.py test_model docs/objects"""
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree

TYPES = {"": "none", "Unsigned Integer": "unsigned"}


def words(item, name):
    return re.sub(" +", " ", (item.findtext(name) or "").strip())


def flag(item, name, meaning):
    return "1" if words(item, name) == meaning else "0"


def lines_of(path):
    o = xml.etree.ElementTree.parse(path).getroot().find("Object")
    yield "|".join(["object", words(o, "ObjectID"), words(o, "Name"), words(o, "ObjectVersion") or "1.0",
                    flag(o, "MultipleInstances", "Multiple"), flag(o, "Mandatory", "Mandatory")])
    for item in o.find("Resources"):
        kind = words(item, "Type")
        numbers = re.fullmatch(r"(-?\d+)\.\.(-?\d+)( bytes)?", words(item, "RangeEnumeration"))
        yield "|".join([item.get("ID"), words(item, "Name"), words(item, "Operations"), TYPES.get(kind, kind.lower()),
                        flag(item, "MultipleInstances", "Multiple"), flag(item, "Mandatory", "Mandatory"),
                        f"{numbers[1]}..{numbers[2]}" if numbers else "", words(item, "Units")])


files = sorted(pathlib.Path(sys.argv[2]).glob("*.xml"), key=lambda path: int(re.match(r"\d+", path.name)[0]))
wanted = [line for path in files for line in lines_of(path)]
found = subprocess.run([sys.argv[1], "--print"], capture_output=True, text=True, check=True).stdout.splitlines()
for line in sorted(set(wanted) ^ set(found)):
    print(("only in the files: " if line in wanted else "only in the table: ") + line)
print(f"{len(found)} lines in the table, {len(wanted)} in {len(files)} object files")
sys.exit(0 if wanted == found and len(files) >= 9 else 1)
