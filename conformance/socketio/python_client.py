"""PyPI python-socketio, an implementation of its own: reads one JSON object of options, prints what it saw as another.

Bytes are shown as {"hex": "..."}.
"""

import asyncio
import json
import sys

import socketio


def plain(value: object) -> object:
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return value


async def main(url: str, transports: list[str], serializer: str) -> dict[str, object]:
    client = socketio.AsyncClient(reconnection=False, serializer=serializer)
    echoes: asyncio.Queue[tuple[object, ...]] = asyncio.Queue()
    refusals: asyncio.Queue[object] = asyncio.Queue()
    ended: asyncio.Queue[str] = asyncio.Queue()
    client.on("echo", lambda *args: echoes.put_nowait(args))
    client.on("q", lambda *args: ("answer", bytes([9]), len(args)))
    client.on("echo", lambda *args: echoes.put_nowait(args), namespace="/dynamic-1")
    client.on("connect_error", lambda data: refusals.put_nowait(data), namespace="/none")
    client.on("disconnect", lambda reason: ended.put_nowait(reason))
    seen: dict[str, object] = {}

    await client.connect(
        url,
        transports=transports,
        namespaces=["/", "/dynamic-1", "/chat"],
        auth={"token": "secret"},
        headers={"x-conformance": "python"},
    )
    seen["text"] = await client.call("echo_ack", ("é€😀", {"a": [1, None]}, [], "x" * 5000))
    seen["binary"] = await client.call("echo_ack", ({"deep": [bytes([1, 2])]}, b""))
    await client.emit("echo", (1, bytes([3]), {"b": b"\x04"}))
    seen["echo"] = await echoes.get()
    await client.emit("echo", "there", namespace="/dynamic-1")
    seen["elsewhere"] = await echoes.get()
    seen["answer"] = await client.call("ask", (10_000, "q", [1, bytes([2])]))
    who = await client.call("whoami", namespace="/chat")
    seen["who"] = [who["namespace"], who["auth"], who["header"], who["id"] == client.get_sid("/chat")]
    for number in range(50):
        await client.emit("number", number)
    seen["numbers"] = await client.call("numbers")
    seen["transport"] = client.transport()
    await client.emit("disconnect_me", True)
    seen["ended"] = await ended.get()
    await client.disconnect()

    other = socketio.AsyncClient(reconnection=False, serializer=serializer)
    try:
        await other.connect(url, transports=transports, namespaces=["/chat"], auth={"token": "none"})
    except socketio.exceptions.ConnectionError as error:
        seen["refused"] = str(error)
    await other.disconnect()
    return plain(seen)


options = json.loads(sys.argv[1])
print(json.dumps(asyncio.run(main(**options))))
