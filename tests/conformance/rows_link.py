# SPDX-License-Identifier: GPL-3.0-or-later
"""TD_COAP_LINK: discovery (RFC 6690)."""
import re

from peers import *


def discover(client, *query):
    r = expect(client.ask(GET, ".well-known/core", query=query, options=[(BLOCK2, block(0, False, 1024))]), wanted="2.05")
    check(r.number(CONTENT_FORMAT) == 40 or not r.payload, "not link-format")
    text = r.payload
    number = 1
    while r.block(BLOCK2) is not None and r.block(BLOCK2).more:
        r = client.ask(GET, ".well-known/core", query=query, options=[(BLOCK2, block(number, False, 1024))])
        text, number = text + r.payload, number + 1
    return dict(re.findall(r'<([^>]*)>((?:;[^,"]+(?:="[^"]*")?)*)', text.decode()))


def filtered(place, query, *wanted):
    links = discover(place.client(), query)
    check(set(links) == set(wanted), f"{sorted(links)}")
    return " ".join(wanted)


@row("TD_COAP_LINK_01", "server", "GET /.well-known/core")
def link_01(place):
    links = discover(place.client())
    wanted = """/test /separate /query /seg1/seg2/seg3 /location-query /multi-format /link1 /link2 /link3 /path /alternate
        /validate /create1 /large /large-update /large-create /large-post /obs /obs-non /obs-large /obs-pumping /counter"""
    check(set(wanted.split()) <= set(links), f"{set(wanted.split()) - set(links)} not listed")
    return "2.05, format 40, every resource of the plugtests"


row("TD_COAP_LINK_02", "server", "?rt=Type1")(lambda place: filtered(place, "rt=Type1", "/link1", "/link3"))


@row("TD_COAP_LINK_03", "server", "?rt=*")
def link_03(place):
    client = place.client()
    everything, links = discover(client), discover(client, "rt=*")
    check(set(links) == {path for path, attributes in everything.items() if ";rt=" in attributes}, f"{sorted(links)}")
    return "those that have rt, and no other"


row("TD_COAP_LINK_04", "server", "?rt=Type2")(lambda place: filtered(place, "rt=Type2", "/link1", "/link2"))
row("TD_COAP_LINK_05", "server", "?if=If*")(lambda place: filtered(place, "if=If*", "/link1", "/link2"))


@row("TD_COAP_LINK_06", "server", "?sz=*")
def link_06(place):
    return filtered(place, "sz=*", "/large", "/large-update")


row("TD_COAP_LINK_07", "server", "?href=/link1")(lambda place: filtered(place, "href=/link1", "/link1"))
row("TD_COAP_LINK_08", "server", "?href=/link*")(lambda place: filtered(place, "href=/link*", "/link1", "/link2", "/link3"))


@row("TD_COAP_LINK_09", "server", "/path and what is below")
def link_09(place):
    client = place.client()
    check(";ct=40" in discover(client)["/path"], "/path is not listed with ct=40")
    r = expect(client.ask(GET, "path"), wanted="2.05")
    check(r.number(CONTENT_FORMAT) == 40, "not link-format")
    below = re.findall(rb"<([^>]*)>", r.payload)
    for path in below:
        expect(client.ask(GET, path.decode()), wanted="2.05")
    return f"2.05 with {len(below)} links, each 2.05"
