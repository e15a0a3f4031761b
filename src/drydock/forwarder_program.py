"""Runs in a container beside a job's: forwards addresses of its loopback to sockets in a folder.

    python3 -c THIS-FILE 127.0.0.2=/sockets/blobs 127.0.0.3=/sockets/api

It imports nothing of drydock: the container has Python only.
"""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable

PORT = 443
_PIECE = 64 * 1024


def forward_to(
    path: str,
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """Return a function that connects a client to a socket."""

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError):
            inner_reader, inner_writer = await asyncio.open_unix_connection(path)
            with contextlib.closing(inner_writer):
                await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))

    return forward


async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Copy until the source ends, then close the target."""
    with contextlib.closing(target), contextlib.suppress(OSError):
        while piece := await source.read(_PIECE):
            target.write(piece)
            await target.drain()


async def main() -> None:
    """Serve until the container ends."""
    ways = [argument.split("=", 1) for argument in sys.argv[1:]]
    servers = [
        await asyncio.start_server(forward_to(path), address, PORT) for address, path in ways
    ]
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main())
