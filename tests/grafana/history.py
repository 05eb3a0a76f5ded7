"""Two days of three batteries, until now: one that is measured, one that fell silent, one that charges."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from hawk.model.address import Address
from hawk.model.reading import QUANTITIES, Moment, Reading, Sample, Source
from hawk.model.summary import Aggregate, Resolution, Summary

STEP = 600  # [s] between readings
END = int(time.time()) // STEP * STEP  # [s since the epoch]; the queries ask for what is fresh now
BEGIN = END - 48 * 3600
LENGTH = {Resolution.HOUR: 3600, Resolution.DAY: 86_400}  # [s]
GATEWAY = "0123456789ab"


@dataclass(frozen=True, slots=True)
class Battery:
    address: Address
    name: str
    vehicle: str | None
    device_type: str
    silent_for: int  # [s] before END
    voltages: tuple[float, float]  # in turn
    charge: float | None = None
    temperature: float | None = None
    current: float | None = None
    power: float | None = None

    @property
    def vehicle_name(self) -> str:
        return self.vehicle or "unassigned"

    @property
    def newest(self) -> int:
        """[s since the epoch]"""
        return END - self.silent_for


HOUSE = Battery(Address("50:54:7B:00:00:01"), "House", "Boat", "BM6", 600, (12.6, 12.8), 80.0, 20.0)
STARTER = Battery(Address("50:54:7B:00:00:02"), "Starter", None, "BM6", 8 * 3600, (12.1, 12.1), 40.0, -5.0)
SOLAR = Battery(
    Address("50:54:7B:00:00:03"),
    "Solar",
    "Boat",
    "renogy_controller",
    1200,
    (13.4, 13.4),
    None,
    30.0,
    5.0,
    67.0,
)
FLEET = (HOUSE, STARTER, SOLAR)


def times(battery: Battery) -> range:
    """[s since the epoch]"""
    return range(BEGIN, battery.newest + 1, STEP)


def sample(battery: Battery, at: int) -> Sample:
    return Sample(
        voltage=battery.voltages[at // STEP % 2],
        current=battery.current,
        temperature=battery.temperature,
        state_of_charge=battery.charge,
        power=battery.power,
        status="normal",
    )


def readings() -> Iterator[Reading]:
    """In the order of `seq`."""
    every = sorted((at, number) for number, battery in enumerate(FLEET) for at in times(battery))
    for seq, (at, number) in enumerate(every, 1):
        battery = FLEET[number]
        yield Reading(
            device_id=battery.address,
            moment=Moment(at * 1000, float(at)),
            sample=sample(battery, at),
            source=Source.ADVERTISEMENT if seq % 2 else Source.GATT,
            device_type=battery.device_type,
            device_name=battery.name,
            vehicle_id=battery.vehicle and "vehicle_1",
            vehicle_name=battery.vehicle,
            gateway_id=GATEWAY,
            rssi=-60,
            adapter="hci0",
            seq=seq,
        )


def summaries() -> Iterator[Summary]:
    """What the hours and days of `readings` come to."""
    found: dict[tuple[Resolution, int, Address], list[Reading]] = {}
    for reading in readings():
        for resolution, length in LENGTH.items():
            start = (reading.moment.utc or 0) // 1000 // length * length
            found.setdefault((resolution, start, reading.device_id), []).append(reading)
    for seq, ((resolution, start, _), of) in enumerate(found.items(), 1):
        yield _summary(resolution, start, of, seq)


def _summary(resolution: Resolution, start: int, of: list[Reading], seq: int) -> Summary:
    first = of[0]
    values = {}
    for quantity in QUANTITIES:
        had = [value for each in of if (value := getattr(each.sample, quantity)) is not None]
        if had:
            values[quantity] = Aggregate(len(had), min(had), max(had), sum(had), had[-1])
    return Summary(
        device_id=first.device_id,
        resolution=resolution,
        start=start * 1000,
        count=len(of),
        values=values,
        device_type=first.device_type,
        device_name=first.device_name,
        vehicle_id=first.vehicle_id,
        vehicle_name=first.vehicle_name,
        gateway_id=first.gateway_id,
        simulated=False,
        seq=seq,
    )
