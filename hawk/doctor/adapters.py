"""Which adapters there are, against which the setting bluetooth.adapters wants. Pure."""

from collections.abc import Collection, Sequence

from hawk.ble import refusal
from hawk.ble.bluez import Adapter, chosen
from hawk.doctor.checks import Check, good, refused
from hawk.errors import BluetoothOff, NoAdapter


def judged(there: Sequence[Adapter], wanted: Collection[str]) -> tuple[Check, ...]:
    """Present and powered; only the first of the two when nothing is there to have power."""
    missing = [name for name in wanted if name != "all" and name not in {each.name for each in there}]
    idle = [each.name for each in there if each.name in wanted and not each.powered]
    present = good("adapter", ", ".join(each.name for each in there))
    if missing:
        present = refused("adapter", refusal.adapter_missing(missing[0]))
    try:
        used = chosen(there, wanted)
    except BluetoothOff as error:
        return present, refused("powered", error)
    except NoAdapter as error:
        return (refused("adapter", error),)
    if idle:
        return present, refused("powered", refusal.powered_off(idle[0]))
    off = [f"{each.name} off" for each in there if not each.powered]
    return present, good("powered", ", ".join([*(f"{name} on" for name in used), *off]))


def working(there: Sequence[Adapter], wanted: Collection[str]) -> tuple[str, ...]:
    try:
        return chosen(there, wanted)
    except NoAdapter:
        return ()
