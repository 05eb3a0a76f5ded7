"""What requests do to the registry."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.errors import Conflict, HawkError, Invalid, NotFound
from hawk.events import DeviceChanged, DeviceRemoved, VehicleChanged, VehicleRemoved
from hawk.model.address import Address
from hawk.model.device import Lifecycle, Retry
from hawk.model.rules import Bounds, Correction
from hawk.registry import changes
from hawk.registry.messages import DeviceChanges, Discover, Snapshot, VehicleChanges

A, B = Address("50:54:7B:00:00:01"), Address("50:54:7B:00:00:02")
NOW = 1_763_900_000_000


def known(device_type: str, config: Mapping[str, Any]) -> str:
    if device_type.upper() not in {"BM6", "BM2"}:
        raise NotFound(f"no driver for {device_type!r}")
    if config.get("model") == "none":
        raise Invalid("there is no such model", "/model")
    return device_type.upper()


def found(address: Address, *, proven: bool = True) -> Discover:
    return Discover(address, "BM6", "BM6", -60, "decrypted advertisement", proven)


def discovered(*addresses: Address) -> Snapshot:
    snapshot = Snapshot()
    for address in addresses:
        snapshot = changes.discover(snapshot, found(address), NOW, configure=False)
    return snapshot


def rename(snapshot: Snapshot, vehicle_id: str, name: str) -> Snapshot:
    return changes.change_vehicle(snapshot, vehicle_id, VehicleChanges(name))


def test_a_discovered_device_waits_in_a_vehicle_of_its_own() -> None:
    snapshot = discovered(A, B)
    assert [d.lifecycle for d in snapshot.devices.values()] == [Lifecycle.DISCOVERED] * 2
    assert [snapshot.vehicles[d.vehicle_id or ""].name for d in snapshot.devices.values()] == [
        "Vehicle 1",
        "Vehicle 2",
    ]
    assert all(vehicle.automatic for vehicle in snapshot.vehicles.values())


def test_a_known_device_is_not_discovered_again() -> None:
    snapshot = discovered(A)
    assert changes.discover(snapshot, found(A), NOW, configure=False) is snapshot


def test_at_most_200_unconfigured_devices_are_registered() -> None:
    many = [Address(f"50:54:7B:00:{i >> 8:02X}:{i & 255:02X}") for i in range(250)]
    assert len(discovered(*many).devices) == 200


def test_auto_configure_takes_what_decryption_proved_and_nothing_else() -> None:
    snapshot = changes.discover(Snapshot(), found(A), NOW, configure=True)
    snapshot = changes.discover(snapshot, found(B, proven=False), NOW, configure=True)
    assert [d.lifecycle for d in snapshot.devices.values()] == [Lifecycle.CONFIGURED, Lifecycle.DISCOVERED]
    assert snapshot.devices[A].configured_at == NOW


def test_configuring_keeps_what_is_not_mentioned() -> None:
    snapshot = discovered(A)
    wanted = DeviceChanges(friendly_name="Starter", polling_interval=120, retry_attempts=5)
    device = changes.configure(snapshot, A, wanted, NOW, known).devices[A]
    assert device.lifecycle is Lifecycle.CONFIGURED
    assert (device.friendly_name, device.polling_interval) == ("Starter", 120)
    assert device.retry == Retry(5, 60, 300)
    again = changes.configure(
        changes.configure(snapshot, A, wanted, NOW, known), A, DeviceChanges(), NOW + 5, known
    )
    assert again.devices[A] == device


def test_a_device_never_heard_needs_its_type() -> None:
    with pytest.raises(Invalid) as refused:
        changes.configure(Snapshot(), A, DeviceChanges(), NOW, known)
    assert refused.value.pointer == "/data/attributes/device_type"
    device = changes.configure(Snapshot(), A, DeviceChanges(device_type="bm2"), NOW, known).devices[A]
    assert (device.device_type, device.friendly_name) == ("BM2", "BM2 0001")


@pytest.mark.parametrize(
    ("wanted", "pointer"),
    [
        (DeviceChanges(device_type="BM9"), "/data/attributes/device_type"),
        (DeviceChanges(vehicle_id="vehicle_9"), "/data/attributes/vehicle_id"),
        (DeviceChanges(friendly_name=""), "/data/attributes/friendly_name"),
        (DeviceChanges(friendly_name="a\nb"), "/data/attributes/friendly_name"),
        (DeviceChanges(friendly_name="x" * 65), "/data/attributes/friendly_name"),
        (DeviceChanges(config={"model": "none"}), "/data/attributes/config/model"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(wanted: DeviceChanges, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        changes.configure(discovered(A), A, wanted, NOW, known)
    assert refused.value.pointer == pointer


def test_a_config_is_for_one_type_and_goes_with_it() -> None:
    snapshot = changes.configure(discovered(A), A, DeviceChanges(config={"model": "pro"}), NOW, known)
    renamed = changes.change(snapshot, A, DeviceChanges(friendly_name="Boat", device_type="bm6"), NOW, known)
    assert renamed.devices[A].config == {"model": "pro"}
    other = changes.change(renamed, A, DeviceChanges(device_type="BM2"), NOW, known)
    assert (other.devices[A].device_type, other.devices[A].config) == ("BM2", {})


def test_a_secret_that_is_sent_back_hidden_stays_as_it_is() -> None:
    snapshot = changes.configure(discovered(A), A, DeviceChanges(config={"model": "pro"}), NOW, known)
    for hidden in (
        DeviceChanges(config={"model": "***"}),
        DeviceChanges(device_type="bm6", config={"model": "***"}),
    ):
        assert changes.change(snapshot, A, hidden, NOW, known).devices[A].config == {"model": "pro"}
    other = changes.change(snapshot, A, DeviceChanges(device_type="BM2", config={"model": "***"}), NOW, known)
    assert other.devices[A].config == {"model": "***"}  # of another type there was nothing to keep


def test_what_was_found_is_configured_only_with_all_that_its_driver_needs() -> None:
    def needs_a_key(device_type: str, config: Mapping[str, Any]) -> str:
        if "key" not in config:
            raise Invalid("its key is needed", "/key")
        return device_type

    with pytest.raises(Invalid) as refused:
        changes.configure(discovered(A), A, DeviceChanges(friendly_name="Shunt"), NOW, needs_a_key)
    assert refused.value.pointer == "/data/attributes/config/key"
    ours = changes.configure(discovered(A), A, DeviceChanges(config={"key": "abc"}), NOW, needs_a_key)
    assert ours.devices[A].lifecycle is Lifecycle.CONFIGURED
    again = changes.configure(ours, A, DeviceChanges(friendly_name="Shunt"), NOW, needs_a_key)
    assert again.devices[A].config == {"key": "abc"}


def test_an_ignored_device_leaves_its_vehicle_and_is_not_discovered_again() -> None:
    snapshot = changes.change(discovered(A), A, DeviceChanges(lifecycle=Lifecycle.IGNORED), NOW, known)
    assert snapshot.vehicles == {}
    assert changes.discover(snapshot, found(A), NOW, configure=True) is snapshot


def test_a_removed_device_is_found_again_in_a_vehicle_with_a_new_id() -> None:
    snapshot = changes.remove_device(discovered(A), A)
    assert (snapshot.devices, snapshot.vehicles) == ({}, {})
    again = changes.discover(snapshot, found(A), NOW, configure=False)
    assert again.devices[A].vehicle_id == "vehicle_2"


def test_an_unknown_device_cannot_be_changed_or_removed() -> None:
    with pytest.raises(NotFound):
        changes.change(Snapshot(), A, DeviceChanges(), NOW, known)
    with pytest.raises(NotFound):
        changes.remove_device(Snapshot(), A)


def test_a_vehicle_with_devices_is_removed_only_when_they_move() -> None:
    snapshot = changes.create_vehicle(discovered(A), "Boat", NOW)
    with pytest.raises(Conflict, match="move_to"):
        changes.remove_vehicle(snapshot, "vehicle_1", None)
    moved = changes.remove_vehicle(snapshot, "vehicle_1", "vehicle_2")
    assert moved.devices[A].vehicle_id == "vehicle_2"
    assert set(moved.vehicles) == {"vehicle_2"}


def test_two_vehicles_never_share_a_name() -> None:
    snapshot = changes.create_vehicle(Snapshot(), "Boat", NOW)
    with pytest.raises(Conflict, match="Boat"):
        changes.create_vehicle(snapshot, " Boat ", NOW)


def test_a_hidden_vehicle_yields_its_name_to_one_that_somebody_names() -> None:
    created = changes.create_vehicle(discovered(A, B), "Vehicle 1", NOW)
    assert names_in(created) == {"vehicle_1": "Vehicle 3", "vehicle_2": "Vehicle 2", "vehicle_3": "Vehicle 1"}
    assert created.vehicles["vehicle_1"].automatic
    renamed = rename(discovered(A, B), "vehicle_2", "Vehicle 1")
    assert names_in(renamed) == {"vehicle_1": "Vehicle 3", "vehicle_2": "Vehicle 1"}


def test_a_vehicle_with_a_configured_device_keeps_its_name() -> None:
    snapshot = changes.configure(discovered(A), A, DeviceChanges(), NOW, known)
    with pytest.raises(Conflict, match="Vehicle 1"):
        changes.create_vehicle(snapshot, "Vehicle 1", NOW)


def names_in(snapshot: Snapshot) -> dict[str, str]:
    return {vehicle.id: vehicle.name for vehicle in snapshot.vehicles.values()}


@pytest.mark.parametrize("last", [0, 7, 10**30])
def test_each_new_vehicle_has_the_number_after_the_last(last: int) -> None:
    snapshot = changes.create_vehicle(Snapshot(last_vehicle=last), "Boat", NOW)
    snapshot = changes.create_vehicle(snapshot, "Car", NOW)
    assert list(snapshot.vehicles) == [f"vehicle_{last + 1}", f"vehicle_{last + 2}"]
    assert snapshot.last_vehicle == last + 2


def test_a_renamed_vehicle_stays_when_it_is_empty() -> None:
    snapshot = rename(discovered(A), "vehicle_1", "Boat")
    assert set(changes.remove_device(snapshot, A).vehicles) == {"vehicle_1"}


def test_the_bus_hears_just_the_differences() -> None:
    old = discovered(A)
    new = changes.remove_device(changes.discover(old, found(B), NOW, configure=False), A)
    assert list(changes.differences(old, new)) == [
        VehicleChanged(new.vehicles["vehicle_2"]),
        DeviceChanged(new.devices[B]),
        DeviceRemoved(A),
        VehicleRemoved("vehicle_1"),
    ]
    assert list(changes.differences(new, new)) == []


REQUESTS = st.one_of(
    st.tuples(st.just("discover"), st.sampled_from([A, B]), st.booleans()),
    st.tuples(st.just("ignore"), st.sampled_from([A, B])),
    st.tuples(
        st.just("configure"), st.sampled_from([A, B]), st.sampled_from([None, "vehicle_1", "vehicle_3"])
    ),
    st.tuples(st.just("remove"), st.sampled_from([A, B])),
    st.tuples(st.just("create"), st.sampled_from(["Boat", "Car", "Vehicle 2"])),
    st.tuples(
        st.just("rename"), st.sampled_from(["vehicle_1", "vehicle_2"]), st.sampled_from(["Boat", "Van"])
    ),
    st.tuples(
        st.just("scrap"), st.sampled_from(["vehicle_1", "vehicle_2"]), st.sampled_from([None, "vehicle_1"])
    ),
)


def asked(snapshot: Snapshot, request: tuple[object, ...]) -> Snapshot:
    match request:
        case ("discover", str() as address, bool() as configure):
            return changes.discover(snapshot, found(Address(address)), NOW, configure=configure)
        case ("ignore", str() as address):
            return changes.change(
                snapshot, Address(address), DeviceChanges(lifecycle=Lifecycle.IGNORED), NOW, known
            )
        case ("configure", str() as address, vehicle_id):
            wanted = DeviceChanges(device_type="BM6", vehicle_id=str(vehicle_id) if vehicle_id else None)
            return changes.configure(snapshot, Address(address), wanted, NOW, known)
        case ("remove", str() as address):
            return changes.remove_device(snapshot, Address(address))
        case ("create", str() as name):
            return changes.create_vehicle(snapshot, name, NOW)
        case ("rename", str() as vehicle_id, str() as name):
            return rename(snapshot, vehicle_id, name)
        case ("scrap", str() as vehicle_id, move_to):
            return changes.remove_vehicle(snapshot, vehicle_id, str(move_to) if move_to else None)
    raise AssertionError(request)


@given(st.lists(REQUESTS, max_size=25))
def test_after_any_requests_the_records_fit_together(requests: list[tuple[object, ...]]) -> None:
    snapshot, used = Snapshot(), set[str]()
    for request in requests:
        before = set(snapshot.vehicles)
        try:
            snapshot = asked(snapshot, request)
        except HawkError:
            continue
        made = set(snapshot.vehicles) - before
        assert not made & used, "an id was used twice"
        used |= made
        names = [vehicle.name for vehicle in snapshot.vehicles.values()]
        assert len(names) == len(set(names))
        for device in snapshot.devices.values():
            assert device.vehicle_id is None or device.vehicle_id in snapshot.vehicles
        in_use = {device.vehicle_id for device in snapshot.devices.values()}
        assert all(v.id in in_use for v in snapshot.vehicles.values() if v.automatic)


def test_calibration_and_limits_are_merged_and_null_takes_away() -> None:
    first = DeviceChanges(
        calibration={"voltage": {"scale": 1.01}, "current": {"scale": -1}},
        plausibility={"voltage": {"min": 9, "max": 16}},
    )
    second = DeviceChanges(
        calibration={"voltage": {"offset": 0.1}, "current": None}, plausibility={"voltage": {"min": None}}
    )
    snapshot = changes.change(discovered(A), A, first, NOW, known)
    device = changes.change(snapshot, A, second, NOW, known).devices[A]
    assert device.calibration == {"voltage": Correction(1.01, 0.1)}
    assert device.plausibility == {"voltage": Bounds(max=16)}


def test_limits_that_contradict_what_is_there_are_refused() -> None:
    snapshot = changes.change(
        discovered(A), A, DeviceChanges(plausibility={"voltage": {"min": 9}}), NOW, known
    )
    with pytest.raises(Invalid) as refused:
        changes.change(snapshot, A, DeviceChanges(plausibility={"voltage": {"max": 8}}), NOW, known)
    assert refused.value.pointer == "/data/attributes/plausibility/voltage/min"
