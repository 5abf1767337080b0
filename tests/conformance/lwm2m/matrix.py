# SPDX-License-Identifier: GPL-3.0-or-later
"""Which operations were seen in which formats: taken from the messages that the scripts exchange with our programs, so a
cell is filled by traffic and not by the name of a row."""
import formats
from coap import *
from formats import *

COLUMNS = (formats.TEXT, formats.OPAQUE, formats.CBOR, formats.TLV, formats.SENML_JSON, formats.SENML_CBOR, formats.JSON,
           formats.LWM2M_CBOR, formats.LINKS, None)
LEVELS = ("everything", "an object", "an instance", "a resource", "a resource instance")
OPERATIONS = ("Register", "Update", "De-register", *(f"Read of {level}" for level in LEVELS[1:]), "Read-Composite", "Discover",
              *(f"Write of {level}" for level in LEVELS[1:]), "partial Write of an instance", "partial Write of a resource",
              "Write-Composite", "Write-Attributes", "Execute", "Create", "Delete", *(f"Observe of {level}" for level in LEVELS[1:]),
              "Observe-Composite", "Notify", "Cancel", "Send", "Bootstrap-Discover", "Bootstrap-Read",
              "Bootstrap-Write", "Bootstrap-Delete", "Bootstrap-Finish", "Bootstrap-Pack-Request")
ABOUT_FORMAT = ("4.06", "4.15")
ROLES = (("agent", "our agent, a foreign server"), ("server", "our server, a foreign client"))
seen = {}    # (role, operation, format): the codes of the answers


def segments(path):
    """Those of the object tree; an alternate path in front is left out."""
    while path and not path[0].isdigit():
        path = path[1:]
    return path


def registration(method, path):
    if path[0] == "dp":
        return "Send" if method == POST else None
    if method == DELETE:
        return "De-register"
    return "Register" if len(path) == 1 else "Update"


def writing(m, depth):
    format = m.number(CONTENT_FORMAT)
    if m.code == PUT:
        return "Write-Attributes" if m.all(URI_QUERY) and not m.payload else f"Write of {LEVELS[depth]}"
    if depth == 3 and format in (None, formats.TEXT):
        return "Execute"
    return {1: "Create", 2: "partial Write of an instance", 3: "partial Write of a resource"}.get(depth)


def bootstrap(m):
    """The operation that a request of a Bootstrap server is."""
    if m.code == GET:
        return "Bootstrap-Discover" if m.number(ACCEPT) == formats.LINKS else "Bootstrap-Read"
    if m.code == POST:
        return "Bootstrap-Finish" if m.path == ["bs"] else None
    return {PUT: "Bootstrap-Write", DELETE: "Bootstrap-Delete"}.get(m.code)


def operation(m):
    """The operation that a request is; None for what is none of LwM2M's."""
    path = list(m.path)
    if path == ["bspack"]:
        return "Bootstrap-Pack-Request" if m.code == GET else None
    if path and path[0] in ("rd", "dp"):
        return registration(m.code, path)
    depth, observe = len(segments(path)), m.number(OBSERVE)
    if observe == 1:
        return "Cancel"
    if m.code == FETCH:
        return "Read-Composite" if observe is None else "Observe-Composite"
    if m.code == GET and m.number(ACCEPT) == formats.LINKS:
        return "Discover"
    if m.code == GET and 1 <= depth <= 4:
        return ("Read" if observe is None else "Observe") + f" of {LEVELS[depth]}"
    if m.code == IPATCH:
        return "Write-Composite"
    if m.code == DELETE:
        return "Delete"
    return writing(m, depth) if m.code in (PUT, POST) and 1 <= depth <= 4 else None


def note(role, what, format, answer):
    if what is not None and (answer.startswith("2.") or answer in ABOUT_FORMAT):
        seen.setdefault((role, what, format), set()).add(answer)


def note_exchange(role, request, answer, told, is_bootstrap=False):
    """A request and its answer, which is in the format `told`, or has none."""
    what = bootstrap(request) if is_bootstrap else operation(request)
    accept = request.number(ACCEPT)
    sent = request.number(CONTENT_FORMAT)
    asks = request.code in (GET, FETCH)
    note(role, what, (told if answer.startswith("2.") else accept) if asks else sent, answer)


def cell(role, what, format):
    found = seen.get((role, what, format), set())
    if any(answer.startswith("2.") for answer in found):
        return "yes"
    return sorted(found)[0] if found else ""


def table():
    names = [formats.NAMES.get(format, "links") if format is not None else "none" for format in COLUMNS]
    text = ""
    for role, title in ROLES:
        text += f"**{title[0].upper()}{title[1:]}**: what was done in which format; a code is a refusal of the format.\n\n"
        text += "| operation | " + " | ".join(names) + " |\n|---|" + "---|" * len(names) + "\n"
        for what in OPERATIONS:
            cells = [cell(role, what, format) for format in COLUMNS]
            if any(cells):
                text += f"| {what} | " + " | ".join(cells) + " |\n"
        text += "\n"
    return text
