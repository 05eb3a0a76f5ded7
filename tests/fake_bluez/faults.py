"""What a simulated device does wrong."""

from dataclasses import dataclass, fields
from typing import Any


@dataclass
class Faults:
    """All default to nothing."""

    connect_error: str = ""  # D-Bus error name of Connect, such as Failed
    connect_message: str = ""  # its text, such as le-connection-abort-by-local
    connect_times: int = -1  # so many connects fail, then they work; -1: all
    connect_hang: bool = False
    connect_delay: float = 0.0
    disconnect_delay: float = 0.0  # the real daemon: 2.0
    resolve_hang: bool = False  # connected, but the services never come
    resolve_delay: float = 0.0
    no_service: bool = False
    write_error: str = ""
    write_hang: bool = False
    write_delay: float = 0.0
    notify: str = "ok"  # ok none garbage short long wrongkey wrongcmd duplicate ackonly zero
    reply_delay: float = 0.0
    period: float = 1.0  # [s] between notifications; 0: one alone
    drop_after_connect: float = -1.0  # [s]; -1: never
    drop_after_frames: int = -1
    drop_on_write: bool = False
    silent: bool = False  # does not advertise

    def update(self, **changes: Any) -> None:
        known = {field.name for field in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"no such fault: {name}")
            setattr(self, name, value)
