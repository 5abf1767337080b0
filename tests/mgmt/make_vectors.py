#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns a vectors.json (a list of name, content_format, hex) into vectors.h. Run it when the vectors change:
make_vectors.py vectors.json > vectors.h"""
import json
import sys
import textwrap

SUPPORTED = {0, 40, 42, 60, 110, 112, 322, 11542, 11544}

print("""/* Made by make_vectors.py. Encodings of public examples are facts; nobody owns them, so this table is free of any
 * licence. */
#pragma once

struct vector {
	const char *name;
	unsigned format;
	const char *hex;
};

static const struct vector vectors[] = {""")
for vector in json.load(open(sys.argv[1])):
    if vector["content_format"] not in SUPPORTED:
        continue
    lines = textwrap.wrap(vector["hex"], 96)
    text = "\n\t\t".join(f'"{line}"' for line in lines)
    print(f'\t{{"{vector["name"]}", {vector["content_format"]},\n\t\t{text}}},')
print("};")
