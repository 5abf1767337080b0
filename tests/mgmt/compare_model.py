#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds models against the object files they were made of.

compare_model.py test_model docs/objects               the compiled-in one, against the versions it has
compare_model.py test_model_files docs/objects --all   what the files are read to, against all of them"""
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


def range_of(text, is_all):
    """The compiled-in model has only the plain ranges; files are read for all that means one thing."""
    if not is_all:
        numbers = re.fullmatch(r"(-?\d+)\.\.(-?\d+)( bytes)?", text)
        return f"{numbers[1]}..{numbers[2]}" if numbers else ""
    one = r" ?-?\d+ ?(?:(?:\.\.|-) ?-?\d+ ?)?"
    numbers = re.fullmatch(rf"({one}(?:,{one})*)(?:[bB]ytes)?", text)
    if not numbers or re.fullmatch(r"-?\d+ ?", numbers[1]):
        return ""
    values = [int(n) for n in re.findall(r"(?:(?<![\d ])-)?\d+", numbers[1])]
    return f"{min(values)}..{max(values)}"


def lines_of(path, is_all):
    o = xml.etree.ElementTree.parse(path).getroot().find("Object")
    version = words(o, "ObjectVersion") or "1.0"
    yield "|".join(["object", words(o, "ObjectID"), words(o, "Name"), version,
                    flag(o, "MultipleInstances", "Multiple"), flag(o, "Mandatory", "Mandatory")])
    for item in sorted(o.find("Resources"), key=lambda item: int(item.get("ID"))):
        kind = words(item, "Type")
        yield "|".join([item.get("ID"), words(item, "Name"), words(item, "Operations"), TYPES.get(kind, kind.lower()),
                        flag(item, "MultipleInstances", "Multiple"), flag(item, "Mandatory", "Mandatory"),
                        range_of(words(item, "RangeEnumeration"), is_all), words(item, "Units")])


program, folder, is_all = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:] == ["--all"]
found = subprocess.run([program, "--print", folder], capture_output=True, text=True, check=True).stdout.splitlines()
versions = {"{1}-{3}".format(*line.split("|")).replace(".", "_") for line in found if line.startswith("object|")}
files = [path for path in folder.glob("*.xml") if is_all or path.stem in versions]
files.sort(key=lambda path: [int(n) for n in re.findall(r"\d+", path.stem)])
wanted = [line for path in files for line in lines_of(path, is_all)]
for line in sorted(set(wanted) ^ set(found)):
    print(("only in the files: " if line in wanted else "only in the table: ") + line)
print(f"{len(found)} lines in the table, {len(wanted)} in {len(files)} object files")
sys.exit(0 if wanted == found and len(files) == len(versions) and len(files) >= 9 else 1)
