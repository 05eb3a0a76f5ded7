"""Whatever stands in devices.json and vehicles.json: records, or all that is wrong in words for people."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hawk.errors import OtherVersion, WrongDocument
from hawk.registry import changes
from hawk.registry.files import RegistryFiles
from hawk.registry.records import read_devices
from tests.json_texts import check_said, contents, texts

FIRST, SECOND = "AA:BB:CC:DD:EE:01", "AA:BB:CC:DD:EE:02"
DEVICE = {
    "device_type": "BM6",
    "friendly_name": "x",
    "vehicle_id": "vehicle_1",
    "status": "configured",
    "discovered_at": "2025-07-12T10:00:00Z",
    "configured_at": None,
    "polling_interval": 5,
    "connection_config": {"retry_attempts": 3, "retry_interval": 60, "reconnection_delay": 300},
    "config": {},
    "calibration": {"voltage": {"scale": 1}},
    "plausibility": {"voltage": {"max": 1}},
}
KEYS = [
    "version",
    "devices",
    "vehicles",
    "last_vehicle",
    "name",
    "created_at",
    "automatic",
    FIRST,
    FIRST.lower(),
    "vehicle_1",
    "1.0",
    "scale",
    "offset",
    "max",
    "voltage",
    *DEVICE,
    "retry_attempts",
    "retry_interval",
]
often = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check_refused(folder: Path, before: dict[str, bytes]) -> None:
    """By the start. Nothing is changed then."""
    try:
        RegistryFiles(folder / "devices.json", folder / "vehicles.json")
    except WrongDocument as error:
        check_said([str(each) for each in error.problems])
    except OtherVersion as error:
        assert "update Battery Hawk" in str(error)
    else:
        raise AssertionError("a start took what the running service refused")
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before


BYTES = contents(texts(KEYS)) | st.binary(max_size=60)
VALUE: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**300), 10**300)
    | st.floats()
    | st.text(st.characters(), max_size=8)
    | st.sampled_from(
        [
            "2025-07-12T10:00:00Z",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            "vehicle_9",
            FIRST,
            "1e1",
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
RECORDS = st.dictionaries(
    st.sampled_from([FIRST, FIRST.lower(), SECOND]) | st.text(max_size=5),
    st.dictionaries(st.sampled_from(list(DEVICE)), VALUE, max_size=3).map(lambda some: {**DEVICE, **some})
    | VALUE,
    max_size=3,
)
DEVICES = st.fixed_dictionaries(
    {"devices": RECORDS}, optional={"version": st.just("1.0") | VALUE, "last_vehicle": VALUE}
)
VEHICLES = st.fixed_dictionaries(
    {
        "vehicles": st.dictionaries(
            st.text(max_size=5) | st.just("vehicle_1"), VALUE | st.just({"name": "x"}), max_size=3
        )
    }
)


def said(document: Any) -> bytes:
    return json.dumps(document).encode()


@often
@given(devices=BYTES | DEVICES.map(said), vehicles=BYTES | VEHICLES.map(said) | st.just(b"{}"))
def test_any_edit_is_taken_or_refused_in_words_and_what_is_taken_can_be_written_again(
    tmp_path_factory: Any, devices: bytes, vehicles: bytes
) -> None:
    folder = tmp_path_factory.mktemp("data")
    files = RegistryFiles(folder / "devices.json", folder / "vehicles.json")
    before = files.snapshot
    (folder / "devices.json").write_bytes(devices)
    (folder / "vehicles.json").write_bytes(vehicles)
    edited = {each.name: each.read_bytes() for each in folder.iterdir()}
    files.look()
    files.look()
    if files.problems:
        assert files.snapshot is before
        if not any("version" in each for each in files.problems):
            check_said(files.problems)
        check_refused(folder, edited)
        return
    files.write(changes.create_vehicle(files.snapshot, "A name that nobody has", None))
    again = RegistryFiles(folder / "devices.json", folder / "vehicles.json")
    assert again.snapshot == files.snapshot
    assert again.notices == ()


@pytest.mark.parametrize("null", ["devices", "vehicles"])
def test_null_is_as_good_as_no_records(tmp_path: Path, null: str) -> None:
    (tmp_path / "devices.json").write_bytes(said({"devices": {FIRST: DEVICE}}))
    (tmp_path / f"{null}.json").write_bytes(said({null: None}))
    files = RegistryFiles(tmp_path / "devices.json", tmp_path / "vehicles.json")
    files.write(changes.create_vehicle(files.snapshot, "Boat", None))
    assert len(files.snapshot.devices) == (null == "vehicles")


@often
@given(found=st.dictionaries(st.sampled_from(list(DEVICE)), VALUE, max_size=5))
def test_any_value_in_a_record_is_taken_or_named_with_its_place(found: dict[str, Any]) -> None:
    try:
        read_devices({"devices": {FIRST: {**DEVICE, **found}}})
    except WrongDocument as error:
        check_said([str(each) for each in error.problems])
        places = {f"/devices/{FIRST}/{key}" for key in found}
        assert {"/".join(each.pointer.split("/")[:4]) for each in error.problems} <= places


def test_all_that_is_wrong_in_all_records_is_said_at_once() -> None:
    wrong = {
        "device_type": 1,
        "friendly_name": 2,
        "vehicle_id": [],
        "status": "asleep",
        "discovered_at": "now",
        "configured_at": 3,
        "polling_interval": 0,
        "connection_config": {"retry_attempts": "x", "retry_interval": 0, "reconnection_delay": True},
        "config": 1,
        "calibration": {"voltage": {"scale": 0}, "volts": {}},
        "plausibility": {"voltage": []},
    }
    with pytest.raises(WrongDocument) as refused:
        read_devices({"devices": {FIRST: wrong, SECOND: wrong, "nobody": {}, FIRST.lower(): DEVICE, "x": 1}})
    lines = str(refused.value).splitlines()
    for address in (FIRST, SECOND):
        assert sum(f"/devices/{address}/" in each for each in lines) == 14
    for key in ("nobody", FIRST.lower(), "x"):
        assert sum(f"/devices/{key}:" in each for each in lines) == 1
    assert len(lines) == 31
