"""A private dbus-daemon, and a connection to it that sends at the pace the socket takes."""

import asyncio
import contextlib
import select
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

from dbus_fast import Message
from dbus_fast.aio import MessageBus

_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={folder}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/><allow receive_sender="*" eavesdrop="true"/>
    {policy}
  </policy>
  <limit name="max_connections_per_user">{connections}</limit>
  <limit name="max_match_rules_per_connection">512</limit>
  <limit name="max_replies_per_connection">128</limit>
</busconfig>
"""


@contextlib.asynccontextmanager
async def private_daemon(
    folder: Path, connections: int, policy: str = ""
) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """Its address and its process. `policy`: further rules, which may deny what the others allow."""
    config = folder / "bus.conf"
    config.write_text(_CONFIG.format(folder=folder, connections=connections, policy=policy))
    try:
        daemon = await asyncio.create_subprocess_exec(
            "dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile", "--print-address=1",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError:
        raise SystemExit("dbus-daemon is missing: apt-get install dbus-daemon") from None
    try:
        assert daemon.stdout is not None
        yield (await daemon.stdout.readline()).decode().strip(), daemon
    finally:
        if daemon.returncode is None:
            daemon.terminate()
        await daemon.wait()


class Sender:
    """dbus-fast takes a full socket buffer for a broken connection, so it gets no bursts."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._outbox: deque[Message] = deque()
        self._news = asyncio.Event()

    def send(self, message: Message) -> None:
        self._outbox.append(message)
        self._news.set()

    async def run(self) -> None:
        loop, fd = asyncio.get_running_loop(), self._bus._fd
        assert fd is not None
        poll = select.poll()
        poll.register(fd, select.POLLOUT)
        while True:
            while self._outbox:
                if not poll.poll(0):
                    room = loop.create_future()
                    loop.add_writer(fd, room.set_result, None)
                    await room
                    loop.remove_writer(fd)
                written = self._bus.send(self._outbox.popleft())
                if not written.done():
                    await written
            self._news.clear()
            await self._news.wait()
