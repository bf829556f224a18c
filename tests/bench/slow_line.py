"""A TCP proxy whose answers come late: slow_line.py PORT TO-PORT MILLISECONDS."""
import asyncio
import contextlib
import sys


async def forward(reader, writer):
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()


async def forward_late(reader, writer, seconds):
    """Each piece so much later, in order: a delay, not a narrower line."""
    loop = asyncio.get_running_loop()
    queue = asyncio.Queue()

    async def deliver():
        while True:
            due, data = await queue.get()
            await asyncio.sleep(due - loop.time())
            if not data:
                return
            writer.write(data)
            await writer.drain()

    delivery = asyncio.create_task(deliver())
    data = True
    while data:
        data = await reader.read(1 << 16)
        queue.put_nowait((loop.time() + seconds, data))
    await delivery


async def serve(client, client_writer, port, seconds):
    server, server_writer = await asyncio.open_connection("127.0.0.1", port)
    tasks = [asyncio.create_task(forward(client, server_writer)),
             asyncio.create_task(forward_late(server, client_writer, seconds))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for writer in (client_writer, server_writer):
            with contextlib.suppress(OSError):
                writer.close()


async def main(port, to_port, ms):
    server = await asyncio.start_server(lambda r, w: serve(r, w, to_port, ms / 1000), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*(int(a) for a in sys.argv[1:4])))
