"""A TCP relay that holds every byte back by so many milliseconds each way.

    python -m benchmarks.delay_proxy LISTEN_PORT HOST PORT MILLISECONDS

Stands in for a long line where the kernel has no netem. Prints, when it ends (SIGTERM),
connections and direction changes: each pair of changes is a round trip that somebody waited for.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable

__all__ = ["main"]


class Relay:
    def __init__(self, host: str, port: int, delay_s: float) -> None:
        self.host = host
        self.port = port
        self.delay_s = delay_s
        self.connections = 0
        self.changes = 0

    async def pipe(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mark: Callable[[], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()

        async def deliver() -> None:
            while (item := await queue.get()) is not None:
                due, data = item
                await asyncio.sleep(max(0, due - loop.time()))
                writer.write(data)
                await writer.drain()
            writer.close()

        task = asyncio.create_task(deliver())
        try:
            while data := await reader.read(65536):
                mark()
                queue.put_nowait((loop.time() + self.delay_s, data))
        except ConnectionError:
            pass
        queue.put_nowait(None)
        await asyncio.gather(task, return_exceptions=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        last = ""

        def mark(side: str) -> Callable[[], None]:
            def inner() -> None:
                nonlocal last
                if last != side:
                    self.changes += 1
                    last = side

            return inner

        up_reader, up_writer = await asyncio.open_connection(self.host, self.port)
        try:
            await asyncio.gather(
                self.pipe(reader, up_writer, mark("out")),
                self.pipe(up_reader, writer, mark("back")),
            )
        except asyncio.CancelledError:
            pass


async def main(listen: int, host: str, port: int, delay_ms: float) -> None:
    relay = Relay(host, port, delay_ms / 1e3)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", listen)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with server:
        await stop.wait()
    print(f"{relay.connections} connections, about {relay.changes // 2} round trips", flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
