# SPDX-License-Identifier: GPL-3.0-or-later
"""aiocoap as a server for our client: server.py PORT"""
import asyncio
import sys

import aiocoap
from aiocoap import resource
from aiocoap.numbers.codes import Code


class Value(resource.Resource):
    def __init__(self, first):
        super().__init__()
        self.first = self.value = first

    async def render_get(self, request):
        return aiocoap.Message(payload=self.value)

    async def render_put(self, request):
        self.value = request.payload
        return aiocoap.Message(code=Code.CHANGED)

    async def render_post(self, request):
        return aiocoap.Message(code=Code.CREATED)

    async def render_delete(self, request):
        self.value = self.first
        return aiocoap.Message(code=Code.DELETED)


class Echo(resource.Resource):
    async def render_fetch(self, request):
        return aiocoap.Message(code=Code.CONTENT, payload=request.payload)

    async def render_post(self, request):
        return aiocoap.Message(code=Code.CHANGED, payload=request.payload)


class Separate(resource.Resource):
    async def render_get(self, request):
        await asyncio.sleep(1.5)
        return aiocoap.Message(payload=b"late")


class Counter(resource.ObservableResource):
    def __init__(self):
        super().__init__()
        self.count = 0
        self.task = asyncio.get_running_loop().create_task(self.run())

    async def run(self):
        while True:
            await asyncio.sleep(0.3)
            self.count += 1
            self.updated_state()

    def update_observation_count(self, count):
        if count == 0:
            print("cancelled", flush=True)

    async def render_get(self, request):
        return aiocoap.Message(payload=b"count %d" % self.count)


async def main():
    site = resource.Site()
    site.add_resource([".well-known", "core"], resource.WKCResource(site.get_resources_as_linkheader))
    site.add_resource(["test"], Value(b"hello"))
    site.add_resource(["echo"], Echo())
    site.add_resource(["separate"], Separate())
    site.add_resource(["large"], Value(b"0123456789abcdef" * 1250))
    site.add_resource(["large-update"], Value(b""))
    site.add_resource(["obs"], Counter())
    await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", int(sys.argv[1])), transports=["udp6"])
    print("ready", flush=True)
    await asyncio.get_running_loop().create_future()


asyncio.run(main())
