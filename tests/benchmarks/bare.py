"""A bare Quart-Trio handler: `python -m tests.benchmarks.bare FILE ...` answers `/0` with the bytes of the first file."""

import socket
import sys
from pathlib import Path

import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from quart import Response
from quart_trio import QuartTrio

from hawk.web.jsonapi import MEDIA_TYPE


async def main(files: list[str]) -> None:
    bodies = [Path(file).read_bytes() for file in files]
    app = QuartTrio("bare")

    @app.get("/<int:number>")
    async def answer(number: int) -> Response:
        return Response(bodies[number], 200, content_type=MEDIA_TYPE)

    listener = socket.create_server(("127.0.0.1", 0))
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.accesslog = config.errorlog = None
    print(listener.getsockname()[1], flush=True)
    await serve(app, config)


if __name__ == "__main__":
    trio.run(main, sys.argv[1:])
