# SPDX-License-Identifier: GPL-3.0-or-later
"""The content formats of LwM2M for the conformance suite, written from the specification alone.

It shares nothing with the codecs that it judges. Values are Python's: str, bool, int, float, bytes; a Link is an object
link. A set of values is a dict of paths, as in {"/3/0/11/0": 0}.
"""
import base64
import json
import struct

TEXT, LINKS, OPAQUE, CBOR, SENML_JSON, SENML_CBOR, TLV, JSON, LWM2M_CBOR = 0, 40, 42, 60, 110, 112, 11542, 11543, 11544
NAMES = {TEXT: "text", OPAQUE: "opaque", CBOR: "CBOR", SENML_JSON: "SenML JSON", SENML_CBOR: "SenML CBOR", TLV: "TLV",
         JSON: "LwM2M JSON", LWM2M_CBOR: "LwM2M CBOR"}
SINGLE = (TEXT, CBOR, SENML_JSON, SENML_CBOR, TLV, LWM2M_CBOR)
SEVERAL = (SENML_JSON, SENML_CBOR, TLV, LWM2M_CBOR)
COMPOSITE = (SENML_JSON, SENML_CBOR, LWM2M_CBOR)


class Link(str):
    pass


class Wrong(Exception):
    pass


def ids(path):
    return [int(part) for part in path.split("/") if part]


def text_of(path):
    return "/" + "/".join(map(str, path))


# ---- CBOR (RFC 8949) ----

def cbor_write(value):
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[value]
    if isinstance(value, int):
        return _cbor_head(0, value) if value >= 0 else _cbor_head(1, -1 - value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, bytes):
        return _cbor_head(2, len(value)) + value
    if isinstance(value, str):
        return _cbor_head(3, len(value.encode())) + value.encode()
    if isinstance(value, (list, tuple)):
        return _cbor_head(4, len(value)) + b"".join(map(cbor_write, value))
    return _cbor_head(5, len(value)) + b"".join(cbor_write(k) + cbor_write(v) for k, v in value.items())


def _cbor_head(kind, number):
    for size, extra, form in ((24, None, None), (1 << 8, 24, ">B"), (1 << 16, 25, ">H"), (1 << 32, 26, ">I"), (1 << 64, 27, ">Q")):
        if number < size:
            return bytes([kind << 5 | (number if extra is None else extra)]) + (b"" if form is None else struct.pack(form, number))
    raise Wrong("a number beyond CBOR")


BREAK = object()


class _Cbor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise Wrong("CBOR that is cut off")
        self.at += count
        return self.data[self.at - count:self.at]

    def item(self):
        first = self.take(1)[0]
        kind, low = first >> 5, first & 31
        if kind == 7:
            return self.simple(low)
        if low == 31:
            return self.endless(kind)
        number = low if low < 24 else int.from_bytes(self.take(1 << (low - 24)), "big")
        if kind in (0, 1):
            return number if kind == 0 else -1 - number
        if kind in (2, 3):
            return self.take(number) if kind == 2 else self.take(number).decode()
        if kind == 6:
            return self.item()      # a tag, of a time for one
        return self.gather(kind, lambda n: n < number)

    def simple(self, low):
        if low == 31:
            return BREAK
        if low in (25, 26, 27):
            return struct.unpack({25: ">e", 26: ">f", 27: ">d"}[low], self.take({25: 2, 26: 4, 27: 8}[low]))[0]
        return {20: False, 21: True, 22: None, 23: None}[low]

    def gather(self, kind, has_more):
        found = []
        while has_more(len(found)):
            one = self.item()
            if one is BREAK:
                break
            found.append(one if kind == 4 else (tuple(one) if isinstance(one, list) else one, self.item()))
        return found if kind == 4 else dict(found)

    def endless(self, kind):
        if kind in (4, 5):
            return self.gather(kind, lambda n: True)
        parts = iter(self.item, BREAK)
        return (b"" if kind == 2 else "").join(parts)


def cbor_read(data):
    c = _Cbor(data)
    value = c.item()
    if c.at != len(data):
        raise Wrong("something behind the CBOR")
    return value


# ---- SenML (RFC 8428) ----

CBOR_KEYS = {"bn": -2, "bt": -3, "n": 0, "v": 2, "vs": 3, "vb": 4, "t": 6, "vd": 8, "vlo": "vlo"}


def _senml_field(value):
    if isinstance(value, bool):
        return "vb", value
    if isinstance(value, (int, float)):
        return "v", value
    if isinstance(value, bytes):
        return "vd", value
    return ("vlo" if isinstance(value, Link) else "vs"), str(value)


def senml_write(format, values):
    """A value of None is a name alone, as in the question of a Read-Composite."""
    pack = [{"n": path} if value is None else {"n": path, _senml_field(value)[0]: _senml_field(value)[1]}
            for path, value in values.items()]
    if format == SENML_CBOR:
        return cbor_write([{CBOR_KEYS[k]: v for k, v in record.items()} for record in pack])
    for record in pack:
        if "vd" in record:
            record["vd"] = base64.urlsafe_b64encode(record["vd"]).decode().rstrip("=")
    return json.dumps(pack).encode()


def senml_read(format, payload):
    if format == SENML_CBOR:
        names = {v: k for k, v in CBOR_KEYS.items()}
        pack = [{names.get(k, k): v for k, v in record.items()} for record in cbor_read(payload)]
    else:
        pack = json.loads(payload)
    values, base = {}, ""
    for record in pack:
        base = record.get("bn", base)
        path = base + record.get("n", "")
        kinds = [kind for kind in ("v", "vs", "vb", "vd", "vlo") if kind in record]
        if len(kinds) > 1:
            raise Wrong(f"{path} has {len(kinds)} values")
        if not kinds:
            continue
        value = record[kinds[0]]
        if kinds[0] == "vd" and format == SENML_JSON:
            value = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
        values[path] = Link(value) if kinds[0] == "vlo" else value
    return values


# ---- LwM2M CBOR ----

def lwm2m_cbor_write(values):
    return cbor_write({tuple(ids(path)): value for path, value in values.items()})


def lwm2m_cbor_read(payload):
    values = {}

    def walk(base, node):
        for key, value in node.items():
            path = base + (list(key) if isinstance(key, tuple) else [key])
            if isinstance(value, dict):
                walk(path, value)
            else:
                values[text_of(path)] = value
    walk([], cbor_read(payload))
    return values


# ---- TLV ----

INSTANCE, RESOURCE_INSTANCE, MULTIPLE, RESOURCE = range(4)


def tlv_of(kind, number, value):
    size = len(value)
    length = b"" if size < 8 else size.to_bytes(1 if size < 1 << 8 else 2 if size < 1 << 16 else 3, "big")
    first = kind << 6 | (number > 255) << 5 | len(length) << 3 | (size if size < 8 else 0)
    return bytes([first]) + number.to_bytes(2 if number > 255 else 1, "big") + length + value


def _raw(value):
    if isinstance(value, bool):
        return bytes([value])
    if isinstance(value, int):
        return next(value.to_bytes(n, "big", signed=True) for n in (1, 2, 4, 8) if -(1 << 8 * n - 1) <= value < 1 << 8 * n - 1)
    if isinstance(value, float):
        return struct.pack(">d", value)
    if isinstance(value, Link):
        return struct.pack(">HH", *map(int, value.split(":")))
    return value if isinstance(value, bytes) else value.encode()


def _level(base):
    """How many ids of `base` are not in a TLV about it."""
    return (1, 1, 2, 2, 3)[len(ids(base))]


def tlv_write(base, values):
    tree = {}
    for path, value in values.items():
        node, parts = tree, ids(path)[_level(base):]
        for part in parts[:-1]:
            node = node.setdefault(part, {})
        node[parts[-1]] = value

    def walk(node, level):
        out = b""
        for number, value in node.items():
            if isinstance(value, dict):
                out += tlv_of(INSTANCE if level == 1 else MULTIPLE, number, walk(value, level + 1))
            else:
                out += tlv_of(RESOURCE_INSTANCE if level == 3 else RESOURCE, number, _raw(value))
        return out
    return walk(tree, _level(base))


def tlv_read(base, payload):
    """The values are bytes, as TLV says nothing of types."""
    values = {}

    def walk(prefix, data):
        while data:
            kind, wide, form = data[0] >> 6, data[0] >> 5 & 1, data[0] >> 3 & 3
            number = int.from_bytes(data[1:2 + wide], "big")
            start = 2 + wide + form
            size = int.from_bytes(data[2 + wide:start], "big") if form else data[0] & 7
            value, data = data[start:start + size], data[start + size:]
            if len(value) != size:
                raise Wrong("TLV that is cut off")
            if kind in (INSTANCE, MULTIPLE):
                walk(prefix + [number], value)
            else:
                values[text_of(prefix + [number])] = value
    walk(ids(base)[:_level(base)], payload)
    return values


def from_raw(raw, like):
    """The bytes of a TLV as a value of the type of `like`."""
    if isinstance(like, bool):
        return raw == b"\x01"
    if isinstance(like, int):
        return int.from_bytes(raw, "big", signed=True)
    if isinstance(like, float):
        return struct.unpack(">f" if len(raw) == 4 else ">d", raw)[0]
    if isinstance(like, Link):
        return Link("{}:{}".format(*struct.unpack(">HH", raw)))
    return raw if isinstance(like, bytes) else raw.decode()


# ---- all of them ----

def write(format, base, values):
    """The body of a message about `base` that has these values."""
    if format in (TEXT, OPAQUE, CBOR):
        (value,) = values.values()
        if format == CBOR:
            return cbor_write(value)
        if isinstance(value, bytes):
            return value if format == OPAQUE else base64.b64encode(value)
        return (str(int(value)) if isinstance(value, bool) else str(value)).encode()
    if format == TLV:
        return tlv_write(base, values)
    if format == LWM2M_CBOR:
        return lwm2m_cbor_write(values)
    if format == JSON:
        kinds = [("bv" if isinstance(v, bool) else "v" if isinstance(v, (int, float)) else "ov" if isinstance(v, Link) else "sv")
                 for v in values.values()]
        return json.dumps({"bn": "/", "e": [{"n": path[1:], kind: value}
                                            for kind, (path, value) in zip(kinds, values.items())]}).encode()
    return senml_write(format, values)


def read(format, base, payload, like=None):
    """The values in a body about `base`. Where the format has no types, `like` has values of them, by path."""
    def typed(path, raw):
        if like is None or path not in like:
            return raw
        return from_raw(raw, like[path])
    if format == TLV:
        return {path: typed(path, raw) for path, raw in tlv_read(base, payload).items()}
    if format == CBOR:
        return {base: cbor_read(payload)}
    if format == LWM2M_CBOR:
        return lwm2m_cbor_read(payload)
    if format in (SENML_JSON, SENML_CBOR):
        return senml_read(format, payload)
    if format == OPAQUE:
        return {base: payload}
    kind = type(like[base]) if like and base in like else str
    return {base: payload == b"1" if kind is bool else base64.b64decode(payload) if kind is bytes else kind(payload.decode())}
