"""Which radio the settings ask for."""

from hawk.ble.radio import Radio
from hawk.config.schema import Settings


def open_radio(settings: Settings, *, exclusive: bool = True) -> Radio:
    """Only the one that is used is imported: bleak costs 50 ms and 15 MiB. Who only listens
    needs the adapters not `exclusive`.
    """
    if settings.bluetooth.backend == "simulated":
        from hawk.ble.simulated import SimulatedRadio

        return SimulatedRadio(settings.simulation)
    from hawk.ble.bleak_radio import BleakRadio

    return BleakRadio(settings.bluetooth.adapters, exclusive=exclusive)
