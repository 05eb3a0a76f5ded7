"""Readings and instants for the tests of the store."""

from hawk.model.address import Address
from hawk.model.reading import Moment, Reading, Sample, Scalar, Source
from hawk.store.readings import Log

ADDRESS = Address("50:54:7B:24:26:E1")
OTHER = Address("50:54:7B:24:26:E2")
T0 = 1_795_392_000_000  # 2026-11-23, in ms
NOW = Moment(T0, 1000.0)


def moment(seconds: float) -> Moment:
    """So long after T0."""
    return Moment(T0 + round(seconds * 1000), NOW.boot_time + seconds)


def undated(seconds: float) -> Moment:
    """The same, while the clock was not trusted."""
    return Moment(None, NOW.boot_time + seconds)


def reading(
    seconds: float = 0.0,
    voltage: float | None = 12.5,
    source: Source = Source.ADVERTISEMENT,
    address: Address = ADDRESS,
    when: Moment | None = None,
    name: str = "Starter",
    extra: dict[str, Scalar] | None = None,
) -> Reading:
    return Reading(
        device_id=address,
        moment=when or moment(seconds),
        sample=Sample(
            voltage=voltage, state_of_charge=80.0, status="normal", status_code=0, extra=extra or {}
        ),
        source=source,
        device_type="BM6",
        device_name=name,
        vehicle_id="vehicle_1",
        vehicle_name="Camper",
        gateway_id="0123456789ab",
        rssi=-70,
        adapter="hci0",
        simulated=True,
    )


def stored_minutes(log: Log) -> int:
    """How many readings were stored, one a minute, going by the newest."""
    latest = log.latest(ADDRESS, NOW)
    return 0 if latest is None else ((latest.moment.utc or 0) - T0) // 60_000 + 1


def voltages(readings: tuple[Reading, ...]) -> list[float | None]:
    return [each.sample.voltage for each in readings]
