"""A story of PyPI signalrcore or pysignalr; prints what it saw as one line of JSON."""

import asyncio
import json
import os
import queue
import sys
import threading

PATIENCE = 20


def with_signalrcore(url, protocol, transport):
    from signalrcore.hub_connection_builder import HubConnectionBuilder
    from signalrcore.protocol.messagepack_protocol import MessagePackHubProtocol
    from signalrcore.types import HttpTransportType

    builder = HubConnectionBuilder().with_url(url, options={"transport": HttpTransportType[transport]})
    if protocol == "messagepack":
        builder = builder.with_hub_protocol(MessagePackHubProtocol())
    hub = builder.build()
    opened, heard = threading.Event(), queue.Queue()
    failed = queue.Queue()
    hub.on_open(opened.set)
    hub.on_error(failed.put)
    hub.on("event", heard.put)
    hub.start()
    assert opened.wait(PATIENCE), "it does not open"

    def call(method, *args):
        answer = queue.Queue()
        hub.send(method, list(args), answer.put)
        return answer.get(timeout=PATIENCE)

    items, done = [], threading.Event()
    seen = {
        "sum": call("Add", 2, 3).result,
        "echo": call("Echo", {"text": "é€😀", "list": [1, None]}).result,
    }
    hub.send("Refuse", ["no"])
    seen["failed"] = failed.get(timeout=PATIENCE).error
    # It begins to listen after it has asked, so the items wait until it does.
    hub.stream("Held", [5]).subscribe({"next": items.append, "complete": lambda _: done.set(), "error": lambda e: items.append(str(e))})
    hub.send("Release", [])
    assert done.wait(PATIENCE), "the stream does not end"
    hub.send("Send", ["caller", [], "event", "for it alone"])
    seen |= {"items": items, "heard": heard.get(timeout=PATIENCE)}
    return seen


async def with_pysignalr(url, protocol):
    from pysignalr.client import SignalRClient
    from pysignalr.protocol.json import JSONProtocol
    from pysignalr.protocol.messagepack import MessagepackProtocol

    hub = SignalRClient(url, protocol=MessagepackProtocol() if protocol == "messagepack" else JSONProtocol())
    opened, heard, items, done = asyncio.Event(), asyncio.Queue(), [], asyncio.Event()

    async def on_open():
        opened.set()

    async def on_item(item):
        items.append(item)

    async def on_complete(_):
        done.set()

    failed = asyncio.get_running_loop().create_future()

    async def on_error(message):
        failed.set_result(message.error)

    hub.on_open(on_open)
    hub.on_error(on_error)
    hub.on("event", heard.put)
    running = asyncio.create_task(hub.run())
    await opened.wait()

    async def call(method, *args):
        answer = asyncio.get_running_loop().create_future()

        async def answered(message):
            answer.set_result(message)

        await hub.send(method, list(args), answered)
        return await answer

    seen = {
        "sum": (await call("Add", 2, 3)).result,
        "echo": (await call("Echo", {"text": "é€😀", "list": [1, None]})).result,
    }
    refusing = asyncio.create_task(call("Refuse", "no"))
    seen["failed"] = await failed
    refusing.cancel()
    await hub.stream("Count", [5], on_item, on_complete)
    await done.wait()
    await hub.send("Send", ["caller", [], "event", "for it alone"])
    seen |= {"items": items, "heard": await heard.get()}
    running.cancel()
    return seen


def main():
    options = json.loads(sys.argv[1])
    if options["client"] == "signalrcore":
        seen = with_signalrcore(options["url"], options["protocol"], options["transport"])
    else:
        seen = asyncio.run(asyncio.wait_for(with_pysignalr(options["url"], options["protocol"]), PATIENCE))
    print(json.dumps(seen), flush=True)
    # signalrcore waits for the thread that pings, which sleeps.
    os._exit(0)


main()
