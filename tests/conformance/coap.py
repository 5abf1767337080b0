# SPDX-License-Identifier: GPL-3.0-or-later
"""CoAP messages for the conformance suite, written from RFC 7252 section 3 alone.

It shares nothing with the stack that it judges. It can write what is wrong, too: every field is taken as it is given.
"""
import dataclasses
import struct

CON, NON, ACK, RST = range(4)
TYPES = ("CON", "NON", "ACK", "RST")

EMPTY, GET, POST, PUT, DELETE, FETCH, PATCH, IPATCH = range(8)

IF_MATCH, URI_HOST, ETAG, IF_NONE_MATCH, OBSERVE, URI_PORT, LOCATION_PATH = 1, 3, 4, 5, 6, 7, 8
URI_PATH, CONTENT_FORMAT, MAX_AGE, URI_QUERY, ACCEPT, LOCATION_QUERY = 11, 12, 14, 15, 17, 20
BLOCK2, BLOCK1, SIZE2, PROXY_URI, PROXY_SCHEME, SIZE1, ECHO, NO_RESPONSE = 23, 27, 28, 35, 39, 60, 252, 258


def code(text):
    """The byte of a code such as "2.05"."""
    kind, detail = text.split(".")
    return int(kind) << 5 | int(detail)


def code_text(value):
    return f"{value >> 5}.{value & 31:02d}"


def uint(value):
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def block(number, more, size):
    """The value of a block option (RFC 7959 section 2.2)."""
    return uint(number << 4 | (8 if more else 0) | (size.bit_length() - 5))


@dataclasses.dataclass
class Block:
    number: int
    more: bool
    size: int

    def __str__(self):
        return f"{self.number}/{int(self.more)}/{self.size}"


class Malformed(Exception):
    pass


@dataclasses.dataclass
class Message:
    type: int = CON
    code: int = GET
    id: int = 0
    token: bytes = b""
    options: list = dataclasses.field(default_factory=list)
    payload: bytes = b""

    def all(self, number):
        return [value for n, value in self.options if n == number]

    def one(self, number):
        """The value of an option that must not repeat; None without."""
        values = self.all(number)
        if len(values) > 1:
            raise Malformed(f"option {number} comes {len(values)} times")
        return values[0] if values else None

    def number(self, number):
        value = self.one(number)
        return None if value is None else int.from_bytes(value, "big")

    def block(self, number):
        value = self.number(number)
        return None if value is None else Block(value >> 4, bool(value & 8), 16 << (value & 7))

    @property
    def path(self):
        return [value.decode() for value in self.all(URI_PATH)]

    def __str__(self):
        return f"{TYPES[self.type]} {code_text(self.code)}"

    def write(self):
        out = bytearray([0x40 | self.type << 4 | len(self.token), self.code]) + struct.pack(">H", self.id) + self.token
        previous = 0
        for number, value in sorted(self.options, key=lambda option: option[0]):
            delta, delta_more = _nibble(number - previous)
            length, length_more = _nibble(len(value))
            out += bytes([delta << 4 | length]) + delta_more + length_more + value
            previous = number
        return bytes(out + (b"\xff" + self.payload if self.payload else b""))


def _nibble(value):
    if value < 13:
        return value, b""
    if value < 269:
        return 13, bytes([value - 13])
    return 14, struct.pack(">H", value - 269)


class _Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise Malformed("shorter than it says")
        self.at += count
        return self.data[self.at - count:self.at]

    def extended(self, nibble):
        if nibble == 15:
            raise Malformed("a reserved nibble")
        if nibble == 13:
            return 13 + self.take(1)[0]
        if nibble == 14:
            return 269 + struct.unpack(">H", self.take(2))[0]
        return nibble


def parse(datagram):
    cursor = _Cursor(datagram)
    first, code_byte, message_id = struct.unpack(">BBH", cursor.take(4))
    if first >> 6 != 1:
        raise Malformed(f"version {first >> 6}")
    if first & 15 > 8:
        raise Malformed(f"token length {first & 15}")
    message = Message(first >> 4 & 3, code_byte, message_id, cursor.take(first & 15))
    number = 0
    while cursor.at < len(datagram):
        byte = cursor.take(1)[0]
        if byte == 0xff:
            message.payload = datagram[cursor.at:]
            if not message.payload:
                raise Malformed("a marker without payload")
            break
        number += cursor.extended(byte >> 4)
        message.options.append((number, cursor.take(cursor.extended(byte & 15))))
    if code_byte == EMPTY and len(datagram) != 4:
        raise Malformed("an Empty message with something in it")
    return message
