"""Words for values that devices have besides the quantities of a reading: tables of drivers are made of them."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from hawk.drivers.api import Shown
from hawk.wire.fields import Field, elements

_measured = partial(Shown, state_class="measurement")
volts = partial(_measured, unit="V", device_class="voltage")
amperes = partial(_measured, unit="A", device_class="current")
watts = partial(_measured, unit="W", device_class="power")
degrees = partial(_measured, unit="°C", device_class="temperature")
hertz = partial(_measured, unit="Hz", device_class="frequency")
volt_amperes = partial(_measured, unit="VA", device_class="apparent_power")
seconds = partial(_measured, unit="s", device_class="duration")
minutes = partial(_measured, unit="min", device_class="duration")
percent = partial(_measured, unit="%")
ampere_hours = partial(_measured, unit="Ah")
watt_hours_left = partial(_measured, unit="Wh", device_class="energy_storage")

# What only ever grows, until it begins anew: at midnight, or with another device.
watt_hours = partial(Shown, unit="Wh", device_class="energy", state_class="total_increasing")
ampere_hours_counted = partial(Shown, unit="Ah", state_class="total_increasing")
times = partial(Shown, state_class="total_increasing")

word = Shown
yes_or_no = partial(Shown, on_or_off=True)
about = partial(Shown, category="diagnostic", enabled=False)


def in_registers(fields: tuple[Field, ...], shows: tuple[Shown, ...]) -> tuple[Shown, ...]:
    """With what the fields say of them. A list is shown one by one, as far as there are; of a name that is no
    field's nothing is added.
    """
    by_key = {field.key: field for field in fields}
    return tuple(one for shown in shows for one in _of_field(by_key.get(shown.key), shown))


def _of_field(field: Field | None, shown: Shown) -> Iterator[Shown]:
    if field is None:
        yield shown
    elif field.array:
        for number, one in enumerate(elements(field), 1):
            found = replace(shown, key=one.key, origin=f"register {one.register}", optional=True)
            yield replace(found, name=f"{shown.name} {number}")
    else:
        options = () if field.type == "flags" else tuple(dict.fromkeys(field.names.values()))
        yield replace(
            shown,
            origin=f"register {field.register}",
            on_or_off=field.type == "bool",
            options=options,
        )


def perhaps(*shows: Shown) -> tuple[Shown, ...]:
    """Not every device has them."""
    return tuple(replace(shown, optional=True) for shown in shows)


def hidden(*shows: Shown) -> tuple[Shown, ...]:
    """Shown to who asks for them."""
    return tuple(replace(shown, enabled=False) for shown in shows)


def several(shown: Shown, count: int) -> tuple[Shown, ...]:
    """`key_1`, `key_2` ..., as far as there are."""
    return tuple(
        replace(shown, key=f"{shown.key}_{n}", name=f"{shown.name} {n}", optional=True)
        for n in range(1, count + 1)
    )
