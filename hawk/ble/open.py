"""Which radio the settings ask for."""

from pathlib import Path

from hawk.ble.radio import Radio
from hawk.config.schema import Settings
from hawk.errors import ConfigurationError, Invalid


def open_radio(settings: Settings, *, exclusive: bool = True) -> Radio:
    """Only the one that is used is imported: bleak costs 50 ms and 15 MiB. Who only listens
    needs the adapters not `exclusive`.
    """
    if settings.bluetooth.backend == "simulated":
        from hawk.ble.simulated import SimulatedRadio

        if settings.simulation.replay:
            return _replayed(settings.simulation.replay, settings.simulation.speed)
        return SimulatedRadio(settings.simulation)
    from hawk.ble.bleak_radio.radio import BleakRadio

    return BleakRadio(settings.bluetooth.adapters, exclusive=exclusive)


def _replayed(file: str, speed: float) -> Radio:
    from hawk.ble.replay import ReplayedRadio, read_script

    try:
        return ReplayedRadio(read_script(Path(file)), speed)
    except Invalid as error:
        raise ConfigurationError(f"simulation.replay: {error}.") from error
