# SPDX-License-Identifier: GPL-3.0-or-later
"""aiocoap as a client of our server: client.py PORT LOSSY_PORT STRICT_PORT. Prints one line for each case. On the
strict port our server gives strangers little and asks for an Echo (RFC 9175)."""
import asyncio
import sys

import aiocoap
from aiocoap.numbers.codes import Code
from aiocoap.optiontypes import BlockOption

PORT, LOSSY_PORT, STRICT_PORT = map(int, sys.argv[1:4])
CASES = {}


def case(name):
    def remember(function):
        CASES[name] = function
        return function
    return remember


async def ask(context, code, path, payload=b"", port=PORT, block1=None, block2=None):
    message = aiocoap.Message(code=code, uri=f"coap://127.0.0.1:{port}{path}", payload=payload)
    if block1 is not None:
        message.remote.maximum_block_size_exp = block1
    if block2 is not None:
        message.opt.block2 = BlockOption.BlockwiseTuple(0, False, block2)
    return await asyncio.wait_for(context.request(message).response, 120)


@case("discover")
async def discover(context):
    response = await ask(context, Code.GET, "/.well-known/core")
    assert b"</test>" in response.payload, response.payload


@case("put, get, post, delete")
async def value(context):
    assert (await ask(context, Code.PUT, "/test", b"from python")).code.is_successful()
    response = await ask(context, Code.GET, "/test")
    assert (response.code, response.payload) == (Code.CONTENT, b"from python"), response
    assert (await ask(context, Code.POST, "/test", b"x")).code.is_successful()
    assert (await ask(context, Code.DELETE, "/test")).code == Code.DELETED
    assert (await ask(context, Code.PUT, "/test", b"from python")).code.is_successful()


@case("fetch")
async def fetch(context):
    response = await ask(context, Code.FETCH, "/echo", b"what is asked")
    assert (response.code, response.payload) == (Code.CONTENT, b"what is asked"), response


@case("fetch with a long question and a long answer")
async def long_fetch(context):
    question = bytes(range(33, 123)) * 40
    response = await ask(context, Code.FETCH, "/echo", question)
    assert (response.code, response.payload) == (Code.CONTENT, question), response.code


@case("an Echo")
async def echo(context):
    first = await ask(context, Code.GET, "/large", port=STRICT_PORT)
    if first.code == Code.UNAUTHORIZED:
        assert first.opt.echo, "4.01 without an Echo"
        message = aiocoap.Message(code=Code.GET, uri=f"coap://127.0.0.1:{STRICT_PORT}/large", echo=first.opt.echo)
        first = await asyncio.wait_for(context.request(message, handle_blockwise=False).response, 20)
    assert first.code == Code.CONTENT and len(first.payload) == 1024, first


@case("an unknown path")
async def unknown(context):
    assert (await ask(context, Code.GET, "/nowhere")).code == Code.NOT_FOUND


@case("a separate response")
async def separate(context):
    assert (await ask(context, Code.GET, "/separate")).code == Code.CONTENT


@case("a query")
async def query(context):
    assert (await ask(context, Code.GET, "/query?first=1&second=2")).code == Code.CONTENT


@case("observe and cancel")
async def observe(context):
    request = context.request(aiocoap.Message(code=Code.GET, uri=f"coap://127.0.0.1:{PORT}/obs", observe=0))
    seen = {(await asyncio.wait_for(request.response, 20)).payload}

    async def collect():
        async for notification in request.observation:
            seen.add(notification.payload)
            if len(seen) == 4:
                return
    await asyncio.wait_for(collect(), 20)
    request.observation.cancel()


def blocks(szx):
    async def both_ways(context):
        size = (16 << szx) * 12 + 5
        body = bytes(33 + (i * 7 + (i >> 6)) % 90 for i in range(size))
        assert (await ask(context, Code.PUT, "/large-update", body, LOSSY_PORT, block1=szx)).code.is_successful()
        response = await ask(context, Code.GET, "/large-update", port=LOSSY_PORT, block2=szx)
        assert response.payload == body, f"{len(response.payload)} bytes came back, not the {size} that were put"
    return both_ways


for exponent in range(7):
    CASES[f"blocks of {16 << exponent} both ways, with loss"] = blocks(exponent)


async def main():
    failed = 0
    for name, run in CASES.items():
        context = await aiocoap.Context.create_client_context()
        try:
            await run(context)
            print("ok", name, flush=True)
        except Exception as error:  # whatever a library throws is a failed case
            failed += 1
            print(f"FAILED {name}: {type(error).__name__} {error}", flush=True)
        await context.shutdown()
    sys.exit(failed > 0)


asyncio.run(main())
