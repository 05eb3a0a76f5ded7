"""devices.json and vehicles.json in the specified shapes."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.errors import ConfigurationError, OtherVersion
from hawk.model.address import Address
from hawk.model.device import Lifecycle, Retry
from hawk.model.rules import Bounds, Correction
from hawk.registry.changes import create_vehicle
from hawk.registry.messages import Snapshot
from hawk.registry.records import Documents, from_documents, read_devices, read_vehicles, to_documents

DEVICES = json.loads("""
{
  "version": "1.0",
  "devices": {
    "AA:BB:CC:DD:EE:FF": {
      "mac_address": "AA:BB:CC:DD:EE:FF",
      "device_type": "BM6",
      "friendly_name": "Starter Battery",
      "vehicle_id": "vehicle_1",
      "status": "configured",
      "discovered_at": "2025-07-12T10:00:00Z",
      "configured_at": "2025-07-12T10:05:00Z",
      "polling_interval": 3600,
      "connection_config": {"retry_attempts": 3, "retry_interval": 60, "reconnection_delay": 300}
    }
  }
}
""")
VEHICLES = json.loads("""
{
  "version": "1.0",
  "vehicles": {"vehicle_1": {"name": "Vehicle 1", "created_at": "2025-07-12T10:00:00Z", "device_count": 1}}
}
""")
ADDRESS = Address("AA:BB:CC:DD:EE:FF")


def test_the_examples_of_the_specification_are_read() -> None:
    snapshot = from_documents(Documents(DEVICES, VEHICLES))
    device = snapshot.devices[ADDRESS]
    assert (device.device_type, device.friendly_name) == ("BM6", "Starter Battery")
    assert (device.lifecycle, device.polling_interval, device.retry) == (
        Lifecycle.CONFIGURED,
        3600,
        Retry(3, 60, 300),
    )
    assert device.discovered_at == 1_752_314_400_000
    assert (snapshot.vehicles["vehicle_1"].name, snapshot.last_vehicle) == ("Vehicle 1", 1)


def test_every_specified_key_is_written() -> None:
    written = to_documents(from_documents(Documents(DEVICES, VEHICLES)), Documents())
    record, specified = written.devices["devices"][ADDRESS], DEVICES["devices"][ADDRESS]
    assert {**record, "discovered_at": None, "configured_at": None} == {
        **specified, "discovered_at": None, "configured_at": None, "config": {}, "calibration": {}, "plausibility": {},
    }  # fmt: skip
    assert record["discovered_at"] == "2025-07-12T10:00:00.000Z"
    assert VEHICLES["vehicles"]["vehicle_1"].keys() <= written.vehicles["vehicles"]["vehicle_1"].keys()
    assert written.vehicles["vehicles"]["vehicle_1"]["device_count"] == 1
    assert (written.devices["version"], written.vehicles["version"]) == ("1.0", "1.0")


def test_every_key_is_on_the_page() -> None:
    page = Path("docs/files.md").read_text()
    written = to_documents(from_documents(Documents(DEVICES, VEHICLES)), Documents())
    record, vehicle = written.devices["devices"][ADDRESS], written.vehicles["vehicles"]["vehicle_1"]
    keys = {*written.devices, *written.vehicles, *record, *record["connection_config"], *vehicle}
    assert [key for key in keys if f"`{key}`" not in page and f'"{key}"' not in page] == []


def test_what_is_written_is_read_again_the_same() -> None:
    snapshot = from_documents(Documents(DEVICES, VEHICLES))
    assert from_documents(to_documents(snapshot, Documents())) == snapshot


def test_calibration_and_limits_are_written_and_read_again_the_same() -> None:
    devices = json.loads(json.dumps(DEVICES))
    record = devices["devices"][ADDRESS]
    record["calibration"] = {"voltage": {"scale": 1.01}, "temperature": {"offset": -2}}
    record["plausibility"] = {"voltage": {"max": 16, "max_jump": 3}}
    snapshot = from_documents(Documents(devices, VEHICLES))
    assert snapshot.devices[ADDRESS].calibration["voltage"] == Correction(scale=1.01)
    assert snapshot.devices[ADDRESS].plausibility == {"voltage": Bounds(max=16, max_jump=3)}
    written = to_documents(snapshot, Documents())
    assert written.devices["devices"][ADDRESS]["plausibility"] == record["plausibility"]
    assert from_documents(written) == snapshot


def test_keys_that_somebody_added_by_hand_stay() -> None:
    devices = json.loads(json.dumps(DEVICES))
    devices["note"], devices["devices"][ADDRESS]["bought"] = "mine", 2019
    devices["devices"][ADDRESS]["connection_config"]["why"] = "weak"
    documents = Documents(devices, VEHICLES)
    written = to_documents(from_documents(documents), documents).devices
    assert (written["note"], written["devices"][ADDRESS]["bought"]) == ("mine", 2019)
    assert written["devices"][ADDRESS]["connection_config"]["why"] == "weak"


@pytest.mark.parametrize("spelling", ["aa:bb:cc:dd:ee:ff", "AA-BB-CC-DD-EE-FF", "aabbccddeeff"])
def test_such_keys_stay_however_the_address_is_spelt(spelling: str) -> None:
    documents = Documents({"devices": {spelling: {**DEVICES["devices"][ADDRESS], "bought": 2019}}}, VEHICLES)
    written = to_documents(from_documents(documents), documents).devices["devices"]
    assert {address: record["bought"] for address, record in written.items()} == {ADDRESS: 2019}


def test_ids_of_vehicles_that_are_gone_are_remembered() -> None:
    written = to_documents(Snapshot(last_vehicle=7), Documents())
    assert from_documents(written).last_vehicle == 7


def in_vehicle(*vehicle_ids: str) -> dict[str, object]:
    record = DEVICES["devices"][ADDRESS]
    return {f"AA:BB:CC:DD:EE:{i:02X}": {**record, "vehicle_id": each} for i, each in enumerate(vehicle_ids)}


def test_a_vehicle_that_only_its_devices_know_is_made_again_under_its_old_id() -> None:
    """vehicles.json was lost, or is older than devices.json."""
    devices = {"devices": in_vehicle("vehicle_7", "vehicle_1", "vehicle_7", "boat")}
    taken = {"vehicles": {"vehicle_1": {"name": "Vehicle 7"}}}
    snapshot = from_documents(Documents(devices, taken))
    assert [d.vehicle_id for d in snapshot.devices.values()] == [
        "vehicle_7",
        "vehicle_1",
        "vehicle_7",
        "boat",
    ]
    assert {v.id: (v.name, v.automatic) for v in snapshot.vehicles.values()} == {
        "vehicle_1": ("Vehicle 7", False), "vehicle_7": ("Vehicle 8", True), "boat": ("Vehicle 1", True),
    }  # fmt: skip
    assert snapshot.last_vehicle == 7


def test_an_id_is_not_used_again_when_one_of_the_files_was_lost() -> None:
    written = to_documents(Snapshot(last_vehicle=7), Documents())
    assert from_documents(Documents(devices=written.devices)).last_vehicle == 7
    assert from_documents(Documents(vehicles=written.vehicles)).last_vehicle == 7


@given(
    st.lists(
        st.sampled_from(["vehicle_3", "vehicle_12", "vehicle_\u0663", "vehicle_" + "9" * 5000, "7", "x"])
    )
)
def test_no_device_ever_comes_into_a_foreign_vehicle(vehicle_ids: list[str]) -> None:
    snapshot = from_documents(Documents({"devices": in_vehicle(*vehicle_ids)}, {}))
    assert set(snapshot.vehicles) == set(vehicle_ids)
    assert create_vehicle(snapshot, "Boat", None).vehicles.keys() - set(vehicle_ids)


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("device_type", None, "device_type"),
        ("device_type", 6, "device_type"),
        ("status", "sleeping", "sleeping"),
        ("polling_interval", 0, "polling_interval"),
        ("polling_interval", "often", "polling_interval"),
        ("polling_interval", True, "polling_interval"),
        ("discovered_at", "yesterday", "discovered_at"),
        ("discovered_at", "2025-07-12T10:00:00", "UTC"),
        ("connection_config", [], "connection_config"),
        ("friendly_name", "a\ud83d", "half a character"),
        ("vehicle_id", "\udc80", "half a character"),
        ("calibration", {"voltage": {"scale": 0}}, "/calibration/voltage/scale: "),
        ("plausibility", {"volts": {}}, "/plausibility/volts: "),
    ],
)
def test_a_wrong_value_is_named_with_its_place(key: str, value: object, word: str) -> None:
    devices = json.loads(json.dumps(DEVICES))
    devices["devices"][ADDRESS][key] = value
    with pytest.raises(ConfigurationError) as refused:
        read_devices(devices)
    assert word in str(refused.value)
    assert ADDRESS in str(refused.value)


@pytest.mark.parametrize("version", ["2.0", "0.9", 1.0, None, []])
def test_a_document_of_another_version_is_refused(version: object) -> None:
    with pytest.raises(OtherVersion, match="version"):
        read_devices({**DEVICES, "version": version})


def test_half_a_character_in_a_key_is_refused_in_words_that_can_be_printed() -> None:
    with pytest.raises(ConfigurationError, match="half a character") as refused:
        read_vehicles({"vehicles": {"vehicle_1\ud83d": {"name": "Boat"}}})
    assert str(refused.value).encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from([*DEVICES["devices"][ADDRESS], "x"]), JSON),
    st.sampled_from(["", "nonsense"]),
)
def test_any_record_is_read_or_refused_in_words(record: dict[str, object], key: str) -> None:
    try:
        read_devices({"devices": {key or ADDRESS: record}})
    except ConfigurationError as error:
        assert "devices.json" in str(error)


@given(JSON)
def test_any_vehicles_are_read_or_refused_in_words(vehicles: object) -> None:
    try:
        read_vehicles({"vehicles": vehicles})
    except ConfigurationError as error:
        assert "vehicles.json" in str(error)
