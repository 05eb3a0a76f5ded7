"""What tests of actors share: a clock that shows what it is told, and devices."""

import trio

from hawk.model.address import Address
from hawk.model.device import Device, DeviceView, Lifecycle
from hawk.model.live import Live
from hawk.model.reading import Moment, Sample

NOW = 1_763_900_000_000  # [ms]
A, B = Address("50:54:7B:00:00:01"), Address("50:54:7B:00:00:02")


class TrioClock:
    """Wall clock and time since boot go with Trio's."""

    def moment(self) -> Moment:
        now = trio.current_time()
        return Moment(NOW + round(now * 1000), now)

    def utc_ms(self) -> int:
        return NOW


def device(address: Address = A, vehicle_id: str | None = "vehicle_1", **changes: object) -> Device:
    fields: dict[str, object] = {
        "address": address, "device_type": "BM6", "friendly_name": "Starter", "vehicle_id": vehicle_id,
        "lifecycle": Lifecycle.CONFIGURED, "discovered_at": NOW, **changes,
    }  # fmt: skip
    return Device(**fields)  # type: ignore[arg-type]  # the fields of a Device


def view(
    address: Address = A, volts: float | None = None, status: str = "normal", **changes: object
) -> DeviceView:
    live = (
        Live()
        if volts is None
        else Live().with_sample(Sample(voltage=volts, status=status), Moment(NOW, 0.0))
    )
    return DeviceView(device(address), live=live, available=volts is not None, **changes)  # type: ignore[arg-type]  # mypy does not look into **
