#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The architecture as a test: which folder may include which, that core code stays free of the outside world, that
headers compile alone, and what the core's object files import. Prints one line for each fault and a count."""
import argparse
import pathlib
import re
import shlex
import subprocess
import sys

# folder -> folders it may include from (docs: the one direction of dependency)
MAY_INCLUDE = {
    "coap/base": {"coap/base"},
    "coap": {"coap", "coap/base"},
    "coap/io": {"coap", "coap/base", "coap/io"},
    "dtls": {"coap/base", "dtls"},
    "pki": {"coap/base", "pki"},
    "mgmt": {"coap/base", "mgmt"},
    "agent": {"coap", "coap/base", "dtls", "pki", "mgmt", "agent", "agent/objects"},
    "agent/objects": {"coap", "coap/base", "mgmt", "agent", "agent/objects"},
    "server": {"coap", "coap/base", "dtls", "pki", "mgmt", "server", "server/handlers"},
    "server/handlers": {"coap", "coap/base", "pki", "mgmt", "server", "server/handlers"},
    "server/http": {"coap", "coap/base", "mgmt", "server", "server/http", "coap/io"},
    "cli": {"coap", "coap/base", "coap/io", "dtls", "pki", "mgmt", "cli"},
}
# Single headers that cross a line on purpose.
MAY_INCLUDE_FILE = {"dtls": {"coap/transport.h"}}

# Edges touch sockets, files, clocks and libraries; only edges and mains include them.
EDGE = re.compile(r"(_linux|_systemd|_wolfssl|_wolfcrypt|_sqlite|_postgres|_files|_inih|_expat|_pkcs11)\.[ch]$|^coap/io/|^server/http/|/log\.[ch]$"
                  r"|/(config|settings)\.[ch]$")
MAIN = re.compile(r"^(agent/agentd(_[a-z]+)?|server/mgmtd|cli/[a-z_]+)\.[ch]$")

CORE_SYSTEM_HEADERS = {"assert.h", "limits.h", "stdbool.h", "stddef.h", "stdint.h", "string.h", "stdalign.h"}
MGMT_SYSTEM_HEADERS = CORE_SYSTEM_HEADERS | {"cbor.h", "math.h", "stdio.h", "stdlib.h", "float.h"}

CORE_IMPORTS = re.compile(r"^(mem(cpy|move|set|cmp|chr)|__mem\w+_chk|__assert_fail|__stack_chk_(fail|guard)|_GLOBAL_OFFSET_TABLE_"
                          r"|__(asan|ubsan|sanitizer|sancov|gcov|llvm|start___sancov|stop___sancov)\w*|__udivti3|__umodti3|strlen)$")
MGMT_IMPORTS = re.compile(r"^(cbor_\w+|snprintf|__snprintf_chk|strtod|ldexp\w*|lround\w*|isfinite|isnan)$")

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)
faults = []


def sources(root):
    for folder in MAY_INCLUDE:
        for path in sorted((root / folder).glob("*.[ch]")):
            yield folder, str(path.relative_to(root)), path.read_text()


def check_includes(root):
    for folder, name, text in sources(root):
        outer = bool(EDGE.search(name) or MAIN.search(name))
        for kind, target in INCLUDE.findall(text):
            if kind == "<":
                allowed = MGMT_SYSTEM_HEADERS if folder == "mgmt" else CORE_SYSTEM_HEADERS
                if not outer and target not in allowed:
                    faults.append(f"{name}: core code includes <{target}>")
                continue
            target_folder = target.rpartition("/")[0]
            if outer and target_folder == "coap/io" or MAIN.search(name) and target_folder == "server/http":
                continue
            if target_folder not in MAY_INCLUDE[folder] and target not in MAY_INCLUDE_FILE.get(folder, ()):
                faults.append(f"{name}: {folder} must not include {target}")
            if EDGE.search(target) and not outer:
                faults.append(f"{name}: core code includes the edge {target}")


def check_headers_compile_alone(root, compiler, flags):
    for _, name, text in sources(root):
        if not name.endswith(".h"):
            continue
        if "#pragma once" not in text:
            faults.append(f"{name}: no #pragma once")
        result = subprocess.run([*compiler, "-std=gnu11", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall", "-Wextra",
                                 "-I", str(root), *flags, "-x", "c", str(root / name), "-Wno-pragma-once-outside-header"],
                                capture_output=True, text=True)
        if result.returncode != 0:
            faults.append(f"{name}: does not compile alone: {result.stderr.splitlines()[:2]}")


def check_licence(root):
    for _, name, text in sources(root):
        if "SPDX-License-Identifier: GPL-3.0-or-later" not in text[:200]:
            faults.append(f"{name}: no SPDX line")


def symbols(library, kind):
    output = subprocess.run(["nm", "-A", kind, library], capture_output=True, text=True, check=True).stdout
    for line in output.splitlines():
        fields = line.split()
        yield fields[0], fields[-1]


def check_imports(libraries):
    defined = {symbol for library in libraries for _, symbol in symbols(library, "--defined-only")}
    for library in libraries:
        mgmt = pathlib.Path(library).name == "libmgmt.a"
        for place, symbol in symbols(library, "--undefined-only"):
            if symbol in defined or CORE_IMPORTS.match(symbol) or (mgmt and MGMT_IMPORTS.match(symbol)):
                continue
            faults.append(f"{place} imports {symbol}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("--compiler", default="cc")
    parser.add_argument("--flags", default="")
    parser.add_argument("libraries", nargs="*")
    arguments = parser.parse_args()
    check_includes(arguments.root)
    check_licence(arguments.root)
    check_headers_compile_alone(arguments.root, shlex.split(arguments.compiler), shlex.split(arguments.flags))
    check_imports(arguments.libraries)
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults in {sum(1 for _ in sources(arguments.root))} files, {len(arguments.libraries)} core libraries")
    return 1 if faults else 0


sys.exit(main())
