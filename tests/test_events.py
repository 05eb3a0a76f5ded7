"""Events of the running service: who comes back with Last-Event-ID misses no reading, also over a restart."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service import Service

EVERY_SECOND = {"BATTERYHAWK_BLUETOOTH_RECORD_INTERVAL": "1", "BATTERYHAWK_HISTORY_AUTO": "false"}


def demo(folder: Path) -> Service:
    return Service(folder / "data", ("demo",), **EVERY_SECOND)


def events(service: Service, last: int | None = None, **query: str) -> Iterator[tuple[str, int | None, Any]]:
    """Name, id and data of each."""
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    with service.http.stream("GET", "/api/events", params=query, headers=headers) as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        said: dict[str, str] = {}
        for line in stream.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                said[name] = value
            elif "data" in said:
                number = int(said["id"]) if "id" in said else None
                yield said["event"], number, json.loads(said["data"])
                said = {}


def readings(service: Service, last: int | None, count: int) -> list[tuple[int, Any]]:
    """The next so many."""
    found = []
    for name, number, data in events(service, last, types="reading"):
        assert name in {"hello", "reading"}
        if name == "reading":
            found.append((number or 0, data))
        if len(found) == count:
            break
    return found


def test_it_begins_with_who_speaks_and_tells_readings_as_the_log_has_them(tmp_path: Path) -> None:
    with demo(tmp_path) as service:
        name, number, hello = next(events(service))
        assert (name, number) == ("hello", None)
        assert hello["gateway_id"] == service.ready["gateway_id"]
        for seq, told in readings(service, None, 3):
            assert (told["type"], told["attributes"]["seq"]) == ("readings", seq)
            address, at = told["attributes"]["device_id"], told["attributes"]["timestamp"]
            span = {"filter[from]": at, "filter[to]": at}
            assert service.get(f"/api/readings/{address}", **span)["data"] == [told]


def test_who_comes_back_gets_what_it_missed_once_and_in_order(tmp_path: Path) -> None:
    with demo(tmp_path) as service:
        first = readings(service, None, 5)
        missed = readings(service, None, 10)  # by somebody else, meanwhile
        again = readings(service, first[-1][0], 20)
        assert [seq for seq, _ in again] == list(range(first[-1][0] + 1, first[-1][0] + 21))
        assert dict(missed).items() <= dict(again).items()
    with demo(tmp_path) as service:
        after = readings(service, again[-1][0], 5)
        assert [seq for seq, _ in after] == list(range(again[-1][0] + 1, again[-1][0] + 6))


def test_a_number_of_another_log_is_told_to_be_worth_nothing(tmp_path: Path) -> None:
    with demo(tmp_path) as service:
        stream = events(service, 10**9, types="reading")
        assert next(stream)[0] == "hello"
        name, _, gap = next(stream)
        assert (name, gap["from"]) == ("gap", 1)


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_vehicle_that_changes_or_goes_is_told(method: str, tmp_path: Path) -> None:
    with demo(tmp_path) as service:
        document = {"data": {"type": "vehicles", "attributes": {"name": "Kayak"}}}
        made = service.http.post("/api/vehicles", json=document).json()["data"]["id"]
        stream = events(service, types="vehicle")
        assert next(stream)[0] == "hello"
        document["data"]["attributes"] = {"name": "Canoe"}
        assert service.http.request(method, f"/api/vehicles/{made}", json=document).is_success
        told = next(data for name, _, data in stream if name == "vehicle" and data["id"] == made)
        if method == "DELETE":
            assert told == {"type": "vehicles", "id": made, "meta": {"deleted": True}}
        else:
            assert told["attributes"]["name"] == "Canoe"
