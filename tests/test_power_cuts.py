"""A power cut at any moment of a write leaves each document as it was, or as it was to be."""

import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hawk.config.load import load
from hawk.datafolder import DataFolder
from hawk.registry.files import RegistryFiles
from hawk.tokens import TokenFile
from tests.power_cut import calls_of, disks

CUTS = 100

_IMPORTS = """
import json, os, sys
from pathlib import Path
from hawk.config.file import SettingsFile
from hawk.config.load import load
from hawk.datafolder import DataFolder
from hawk.model.address import Address
from hawk.registry import changes
from hawk.registry.files import RegistryFiles
from hawk.registry.messages import DeviceChanges
from hawk.tokens import TokenFile
folder = Path(sys.argv[1])
"""
_SETTINGS = """
file = SettingsFile(folder / "system.json", load(folder / "system.json", {}))
def change(n):
    file.change({"polling": {"interval": 1000 + n}}, None)
"""
_REGISTRY = """
files = RegistryFiles(folder / "devices.json", folder / "vehicles.json")
def change(n):
    wanted = DeviceChanges(device_type="BM6", friendly_name=f"Battery {n}")
    new = changes.configure(files.snapshot, Address("50:54:7B:00:00:07"), wanted, 0, lambda name, _: name)
    files.write(changes.create_vehicle(new, f"Boat {n}", 0))
"""
_TOKEN = """
opened = DataFolder(folder)
def change(n):
    opened.new_api_token()
"""
_READ_ONLY_TOKENS = """
file = TokenFile(folder / "api-tokens.json")
file.read()
def change(n):
    there = file.read()
    if len(there) > 3:
        file.remove(there[0].name)
    else:
        file.add(f"phone{n}", "2026-01-01T00:00:00Z")
"""


def settings(folder: Path) -> object:
    return load(folder / "system.json", {}).settings.polling.interval


def devices(folder: Path) -> object:
    files = RegistryFiles(folder / "devices.json", folder / "vehicles.json")
    assert files.notices == ()
    return [device.friendly_name for device in files.snapshot.devices.values()]


def vehicles(folder: Path) -> object:
    files = RegistryFiles(folder / "devices.json", folder / "vehicles.json")
    assert files.notices == ()
    return sorted(vehicle.name for vehicle in files.snapshot.vehicles.values())


def token(folder: Path) -> object:
    return DataFolder(folder).api_token("")


def read_only_tokens(folder: Path) -> object:
    return TokenFile(folder / "api-tokens.json").read()


@dataclass(frozen=True, slots=True)
class Document:
    name: str
    program: str  # has `change`
    loaded: Callable[[Path], object]  # what the next start makes of it; raises for what it cannot use


DOCUMENTS = [
    Document("system.json", _SETTINGS, settings),
    Document("devices.json", _REGISTRY, devices),
    Document("vehicles.json", _REGISTRY, vehicles),
    Document("api-token", _TOKEN, token),
    Document("api-tokens.json", _READ_ONLY_TOKENS, read_only_tokens),
]


def content_of(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}


def put(folder: Path, disk: Any) -> None:
    folder.mkdir(exist_ok=True)
    for each in folder.iterdir():
        each.unlink()
    for name, content in disk.items():
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.name)
def test_whatever_the_disk_had_got_at_a_cut_the_old_or_the_new_content_is_read(
    tmp_path: Path, document: Document
) -> None:
    """Also one that keeps nothing, half, or zeros of what was not forced to it, and names in any order. When the
    change is answered only the new content is left."""
    folder = tmp_path / "data"
    folder.mkdir()
    subprocess.run(
        [sys.executable, "-c", f"{_IMPORTS}{document.program}\nchange(1); change(2)", str(folder)], check=True
    )
    before, old = content_of(folder), document.loaded(folder)
    calls = calls_of(f"{_IMPORTS}{document.program}\nchange(3)", folder)
    after, new = content_of(folder), document.loaded(folder)
    assert old != new
    seen: dict[str, object] = {}
    for n in range(len(calls) + 1):
        for disk in disks(before, calls[:n]):
            assert disk[document.name] in (before[document.name], after[document.name])
            if (key := repr(sorted(disk.items()))) not in seen:
                put(tmp_path / "cut", disk)
                seen[key] = document.loaded(tmp_path / "cut")
                assert seen[key] in (old, new)
    assert {seen[repr(sorted(disk.items()))] == new for disk in disks(before, calls)} == {True}


_WRITER = """
import signal, time
for cut, pause in enumerate(sys.argv[2:]):
    began, begins = os.pipe()
    child = os.fork()
    if not child:
        exec(PROGRAM)  # raises for a document that cannot be read
        os.write(begins, b".")
        for n in range(10**6):
            change(cut * 10_000 + n)
    os.close(begins)
    if not os.read(began, 1):
        sys.exit(f"cut {cut}: the document could not be read")
    os.close(began)
    time.sleep(float(pause))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.name)
def test_a_hundred_kills_in_the_middle_of_writing_leave_what_the_next_one_reads(
    tmp_path: Path, document: Document
) -> None:
    pauses = [f"{random.uniform(0, 0.05):.4f}" for _ in range(CUTS)]
    program = f"{_IMPORTS}PROGRAM = {document.program!r}\n{_WRITER}"
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), *pauses], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    document.loaded(tmp_path)
