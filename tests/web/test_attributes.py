"""What a client wants of a device or vehicle, and how it is told what is wrong with it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.errors import Invalid
from hawk.model.device import Lifecycle
from hawk.model.reading import QUANTITIES
from hawk.registry.messages import DeviceChanges, VehicleChanges
from hawk.web.attributes import (
    device_address,
    device_changes,
    linked_devices,
    linked_vehicle,
    new_vehicle,
    vehicle_changes,
)
from hawk.web.jsonapi import ApiError, Sent
from tests.doubles import address

MAC = address(1)
CREW = {"devices": {"data": [{"type": "devices", "id": "020000000001"}]}}


def sent(
    attributes: dict[str, Any] | None = None,
    relationships: dict[str, Any] | None = None,
    id: str | None = None,
) -> Sent:
    return Sent(id, attributes or {}, relationships or {}, {})


def linked(data: Any) -> dict[str, Any]:
    return {"vehicle": {"data": data}}


def test_all_that_can_be_set_is_understood() -> None:
    attributes = {
        "mac_address": "02-00-00-00-00-01",
        "device_type": "bm6",
        "friendly_name": "Starter",
        "polling_interval": 90.5,
        "vehicle_id": "vehicle_3",
        "connection_config": {"retry_attempts": 5, "retry_interval": 30, "reconnection_delay": 600},
        "status": "ignored",
        "calibration": {"voltage": {"offset": 0.1}},
        "plausibility": {"voltage": None},
    }
    assert device_changes(MAC, sent(attributes, id="020000000001")) == DeviceChanges(
        device_type="bm6",
        friendly_name="Starter",
        polling_interval=90.5,
        vehicle_id="vehicle_3",
        retry_attempts=5,
        retry_interval=30,
        reconnection_delay=600,
        lifecycle=Lifecycle.IGNORED,
        calibration={"voltage": {"offset": 0.1}},
        plausibility={"voltage": None},
    )


def test_what_is_left_out_stays_as_it_is() -> None:
    assert device_changes(MAC, sent()) == DeviceChanges()
    assert device_changes(MAC, sent({"connection_config": {"retry_interval": 5}})) == DeviceChanges(
        retry_interval=5
    )


def test_null_takes_all_of_a_calibration_back() -> None:
    assert device_changes(MAC, sent({"calibration": None})) == DeviceChanges(
        calibration=dict.fromkeys(QUANTITIES)
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("friendly_name", 3),
        ("friendly_name", None),
        ("device_type", ["BM6"]),
        ("polling_interval", 0.5),
        ("polling_interval", -1),
        ("polling_interval", "60"),
        ("polling_interval", True),
        ("polling_interval", 1e10),
        ("polling_interval", None),
        ("vehicle_id", 3),
        ("connection_config", []),
        ("connection_config", None),
        ("calibration", []),
        ("plausibility", 3),
        ("status", "connected"),
        ("status", "discovered"),
        ("status", 1),
        ("voltage", 12.6),
        ("a/b~c", 1),
    ],
)
def test_a_wrong_attribute_is_named(name: str, value: Any) -> None:
    with pytest.raises(Invalid) as refused:
        device_changes(MAC, sent({name: value}))
    assert refused.value.pointer == f"/data/attributes/{name.replace('~', '~0').replace('/', '~1')}"


@pytest.mark.parametrize(
    ("name", "value"),
    [("retry_attempts", 0), ("retry_attempts", 1.5), ("retry_attempts", True), ("retry_attempts", None),
     ("retry_interval", 0), ("reconnection_delay", "x"), ("patience", 1)],
)  # fmt: skip
def test_a_wrong_retry_value_is_named(name: str, value: Any) -> None:
    with pytest.raises(Invalid) as refused:
        device_changes(MAC, sent({"connection_config": {name: value}}))
    assert refused.value.pointer == f"/data/attributes/connection_config/{name}"


@pytest.mark.parametrize(
    ("attributes", "id", "pointer"),
    [({}, address(2), "/data/id"), ({"mac_address": address(2)}, None, "/data/attributes/mac_address")],
)
def test_another_device_is_a_conflict(attributes: dict[str, Any], id: str | None, pointer: str) -> None:
    with pytest.raises(ApiError) as refused:
        device_changes(MAC, sent(attributes, id=id))
    assert (refused.value.status, refused.value.pointer) == (409, pointer)


# -- the vehicle -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        sent({"vehicle_id": "vehicle_3"}),
        sent(relationships=linked({"type": "vehicles", "id": "vehicle_3"})),
        sent({"vehicle_id": "vehicle_3"}, linked({"type": "vehicles", "id": "vehicle_3"})),
    ],
)
def test_attribute_and_relationship_say_the_same(document: Sent) -> None:
    assert device_changes(MAC, document) == DeviceChanges(vehicle_id="vehicle_3")


@pytest.mark.parametrize("document", [sent({"vehicle_id": None}), sent(relationships=linked(None))])
def test_null_takes_a_device_out_of_its_vehicle(document: Sent) -> None:
    assert device_changes(MAC, document) == DeviceChanges(no_vehicle=True)


def test_two_different_vehicles_are_refused() -> None:
    with pytest.raises(Invalid) as refused:
        device_changes(MAC, sent({"vehicle_id": None}, linked({"type": "vehicles", "id": "vehicle_3"})))
    assert refused.value.pointer == "/data/attributes/vehicle_id"


@pytest.mark.parametrize("data", [3, "vehicle_3", [], {"type": "devices", "id": "x"}, {"type": "vehicles"}])
def test_a_link_that_is_none_is_named(data: Any) -> None:
    with pytest.raises(Invalid) as refused:
        device_changes(MAC, sent(relationships=linked(data)))
    assert refused.value.pointer == "/data/relationships/vehicle/data"


@pytest.mark.parametrize("vehicle", [None, {}, [], "vehicle_3", {"type": "vehicles", "id": "vehicle_3"}])
def test_a_relationship_is_an_object_with_data(vehicle: Any) -> None:
    with pytest.raises(Invalid) as refused:
        device_changes(MAC, sent(relationships={"vehicle": vehicle}))
    assert refused.value.pointer == "/data/relationships/vehicle"


def test_an_unknown_relationship_is_named() -> None:
    with pytest.raises(Invalid) as refused:
        device_changes(MAC, sent(relationships={"owner": {"data": None}}))
    assert refused.value.pointer == "/data/relationships/owner"


# -- whose it is -------------------------------------------------------------------------------


def test_the_device_is_named_by_its_id_or_else_by_its_address() -> None:
    assert device_address(sent(id="02:00:00:00:00:01")) == MAC
    assert device_address(sent({"mac_address": "020000000001"})) == MAC


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        (sent(), "/data/id"),
        (sent(id="x"), "/data/id"),
        (sent({"mac_address": "x"}), "/data/attributes/mac_address"),
    ],
)
def test_a_device_that_is_not_named_is_refused(document: Sent, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        device_address(document)
    assert refused.value.pointer == pointer


def test_a_vehicle_is_made_without_an_id_and_changed_under_its_own() -> None:
    assert new_vehicle(sent({"name": "Boat"})) == ("Boat", frozenset())
    assert new_vehicle(sent({"name": "Boat"}, CREW)) == ("Boat", frozenset({MAC}))
    changed = vehicle_changes(sent({"name": "Boat"}, CREW, id="vehicle_1"), "vehicle_1")
    assert changed == VehicleChanges("Boat", frozenset({MAC}))
    assert vehicle_changes(sent(), "vehicle_1") == VehicleChanges()
    with pytest.raises(ApiError) as refused:
        new_vehicle(sent({"name": "Boat"}, id="v"))
    assert (refused.value.status, refused.value.pointer) == (403, "/data/id")
    with pytest.raises(ApiError) as refused:
        vehicle_changes(sent(id="vehicle_2"), "vehicle_1")
    assert (refused.value.status, refused.value.pointer) == (409, "/data/id")


@pytest.mark.parametrize(
    ("relationship", "pointer"),
    [
        ({"data": None}, "/data"),
        ({"data": {"type": "devices", "id": MAC}}, "/data"),
        ({"data": [{"type": "devices", "id": MAC}, {"type": "vehicles", "id": MAC}]}, "/data/1"),
        ({"data": [{"type": "devices"}]}, "/data/0"),
        ({"data": [{"type": "devices", "id": "x"}]}, "/data/0/id"),
        ({}, ""),
        ([], ""),
    ],
)
def test_devices_that_are_none_are_named(relationship: Any, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        vehicle_changes(sent(relationships={"devices": relationship}), "vehicle_1")
    assert refused.value.pointer == f"/data/relationships/devices{pointer}"
    with pytest.raises(Invalid) as refused:
        linked_devices(json.dumps(relationship).encode())
    assert refused.value.pointer == pointer


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["data", "type", "id"]) | st.text(), inner)
    ),
    max_leaves=5,
)
NAMES = st.sampled_from(
    [
        "mac_address",
        "friendly_name",
        "polling_interval",
        "vehicle_id",
        "connection_config",
        "status",
        "vehicle",
    ]
)


@given(st.dictionaries(NAMES, JSON), st.dictionaries(NAMES, JSON))
def test_anything_is_understood_or_refused_with_its_place(
    attributes: dict[str, Any], relationships: dict[str, Any]
) -> None:
    try:
        device_changes(MAC, sent(attributes, relationships))
    except Invalid as error:
        assert error.pointer.startswith("/data/")
    except ApiError as error:
        assert error.status == 409


@given(JSON)
def test_any_relationship_is_understood_or_refused_with_its_place(document: Any) -> None:
    body = json.dumps(document).encode()
    for read in (linked_vehicle, linked_devices):
        try:
            read(body)
        except Invalid as error:
            assert error.pointer == "" or error.pointer.startswith("/data")
