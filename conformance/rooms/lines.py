"""A terminal on PyPI websockets: sends each line of the input as a message, prints each message as a line."""

import asyncio
import sys

from websockets.asyncio.client import connect


async def main(url: str) -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with connect(url) as socket:

        async def send() -> None:
            async for line in lines:
                await socket.send(line.decode().rstrip("\n"))
            await socket.close()

        sending = asyncio.create_task(send())
        async for message in socket:
            print(message, flush=True)
        await sending


asyncio.run(main(sys.argv[1]))
