"""Logs with many rows, and what can happen to their pages."""

import random
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from hawk.model.address import Address
from hawk.store.readings import Log
from tests.store.samples import NOW, T0, reading

PAGE = 4096


def addresses(count: int) -> list[Address]:
    return [Address(f"50:54:7B:00:00:{n:02X}") for n in range(count)]


def filled(path: Path, devices: int, each: int) -> None:
    """A reading a minute, closed in order."""
    with Log.open(path, "boot-1") as log:
        log.append([reading(0, address=address) for address in addresses(devices)], NOW)
    connection = sqlite3.connect(path)
    with connection:
        connection.executemany(
            "INSERT INTO reading (device_id, ts, seq, series_id, source, stored_at, voltage)"
            " VALUES (?, ?, ?, ?, 2, ?, ?)",
            (
                (device + 1, T0 + 60_000 * n, n * devices + device + 1, device + 1, T0, 12.0 + n % 100 / 100)
                for n in range(1, each)
                for device in range(devices)
            ),
        )
        connection.execute(
            "UPDATE device SET readings = ?, latest_seq = (SELECT max(seq) FROM reading WHERE device_id = device.id)",
            (each,),
        )
    connection.close()


def damaged(path: Path, pages: Iterable[int], chance: random.Random) -> Path:
    """Under the name of one that was set aside. Pages count from 1."""
    aside = path.with_name(f"{path.name}.corrupt-20261123T000000Z")
    path.rename(aside)
    with aside.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * PAGE)
            file.write(chance.randbytes(PAGE))
    return aside


def destroy(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(b"\xa5" * PAGE)


def change(path: Path, sql: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.executescript(sql)
    connection.close()


def root_of(path: Path, table: str) -> int:
    """Its root page."""
    [(root,)] = asked(path, f"SELECT rootpage FROM sqlite_schema WHERE name = '{table}'")
    assert isinstance(root, int)
    return root


def asked(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()
