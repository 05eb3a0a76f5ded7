"""Rows of the log for the tests of sinks."""

from typing import Any

from hawk.model.address import Address
from hawk.model.reading import Moment, Reading, Sample, Source
from hawk.model.summary import Aggregate, Resolution, Summary

ADDRESS = Address("50:54:7B:00:00:01")
T0 = 1_795_392_000_000  # 2026-11-23, in ms


def reading(seconds: float, voltage: float | None = 12.5, **measured: Any) -> Reading:
    """So long after T0; its `seq` counts the seconds."""
    return Reading(
        device_id=ADDRESS,
        moment=Moment(T0 + round(seconds * 1000), seconds),
        sample=Sample(voltage=voltage, status="normal", **measured),
        source=Source.GATT,
        device_type="BM6",
        device_name="Starter",
        vehicle_id="vehicle_1",
        vehicle_name="Camper",
        gateway_id="0123456789ab",
        seq=round(seconds) + 1,
    )


def hour(number: int) -> Summary:
    return Summary(
        device_id=ADDRESS,
        resolution=Resolution.HOUR,
        start=T0 + number * 3_600_000,
        count=60,
        values={"voltage": Aggregate(count=60, min=12.1, max=12.9, sum=750.0, last=12.6)},
        device_type="BM6",
        device_name="Starter",
        vehicle_id="vehicle_1",
        vehicle_name="Camper",
        gateway_id="0123456789ab",
        simulated=False,
        seq=number + 1,
    )
