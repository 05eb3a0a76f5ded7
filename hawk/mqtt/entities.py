"""How Home Assistant is told of one value, switch or button. Pure.

Units and classes that do not fit each other make it refuse the entity, or fill its log: what a document or somebody's
driver says is taken as far as they fit.
"""

import json
from typing import Any

from hawk.drivers.api import Shown
from hawk.mqtt.topics import to_json

Json = dict[str, Any]

LONGEST_STATE = 255  # characters; of more it keeps none

# quantity -> device class, unit, digits; the names are Home Assistant's own
_QUANTITIES = {
    "voltage": ("voltage", "V", 2),
    "current": ("current", "A", 2),
    "temperature": ("temperature", "°C", 1),
    "state_of_charge": ("battery", "%", 0),
    "power": ("power", "W", 1),
}

# Classes that batteries and what charges them have. tests/test_home_assistant.py holds this against the real ones.
UNITS = {
    "voltage": frozenset({"V", "mV"}),
    "current": frozenset({"A", "mA"}),
    "temperature": frozenset({"°C", "°F", "K"}),
    "battery": frozenset({"%"}),
    "humidity": frozenset({"%"}),
    "power": frozenset({"W", "kW"}),
    "apparent_power": frozenset({"VA"}),
    "reactive_power": frozenset({"var"}),
    "energy": frozenset({"Wh", "kWh", "MWh"}),
    "energy_storage": frozenset({"Wh", "kWh", "MWh"}),
    "frequency": frozenset({"Hz", "kHz"}),
    "duration": frozenset({"s", "min", "h", "d"}),
    "pressure": frozenset({"Pa", "hPa", "kPa", "bar", "mbar", "psi"}),
    "distance": frozenset({"mm", "cm", "m", "km"}),
}
COUNTED = {"energy": frozenset({"total", "total_increasing"}), "energy_storage": frozenset({"measurement"})}
_GROWS = "total_increasing"


def quantity(name: str, expiry: float) -> Json:
    """`expiry` [s] after the last message it is no longer known."""
    device_class, unit, digits = _QUANTITIES[name]
    return {
        "platform": "sensor",
        "device_class": device_class,
        "unit_of_measurement": unit,
        "state_class": "measurement",
        "suggested_display_precision": digits,
        "expire_after": round(expiry),
        "value_template": value(name),
    }


def extra(shown: Shown, expiry: float) -> Json:
    """A value of `extra`, with the words that its driver or document has for it. A counter stays as it was read."""
    common: Json = {
        "name": shown.name or shown.key.replace("_", " ").capitalize(),
        "enabled_by_default": shown.enabled,
    }
    if shown.state_class != _GROWS:
        common["expire_after"] = round(expiry)
    if shown.category == "diagnostic":
        common["entity_category"] = shown.category
    said = f"(value_json.extra | default({{}})).get({to_text(shown.key)})"
    if shown.on_or_off:
        return {"platform": "binary_sensor", "value_template": _on_or_off(said), **common}
    if shown.options:
        return {**common, **_enumeration(said, shown.options)}
    words = _words(shown)
    template = f"{{{{ {said} }}}}" if words.keys() - {"icon"} else _text(said)
    return {"platform": "sensor", "value_template": template, **common, **words}


def flag(name: str, device_class: str, key: str) -> Json:
    template = _on_or_off(f"value_json.{key}")
    return {
        "platform": "binary_sensor",
        "name": name,
        "device_class": device_class,
        "value_template": template,
    }


def value(key: str) -> str:
    """Without the default each message without it is a warning in the log there."""
    return f"{{{{ value_json.{key} | default(none) }}}}"


def press(command: str, **further: object) -> Json:
    return {"payload_press": to_json({"command": command, **further})}


def to_text(word: str) -> str:
    """As a template has it."""
    return json.dumps(word, ensure_ascii=False)


def _words(shown: Shown) -> Json:
    device_class = shown.device_class if shown.unit in UNITS.get(shown.device_class, ()) else ""
    state_class = shown.state_class
    if state_class not in COUNTED.get(device_class, {state_class}):
        state_class = ""
    words = {
        "unit_of_measurement": shown.unit,
        "device_class": device_class,
        "state_class": state_class,
        "icon": "" if device_class else shown.icon,
    }
    return {key: word for key, word in words.items() if word}


def _enumeration(said: str, options: tuple[str, ...]) -> Json:
    """A code that is none of them is not known: the core would complain of it at each message."""
    named = tuple(dict.fromkeys(options))
    listed = ", ".join(map(to_text, named))
    template = f"{{% set said = {said} %}}{{{{ said if said in [{listed}] else none }}}}"
    return {
        "platform": "sensor",
        "device_class": "enum",
        "options": list(named),
        "value_template": template,
    }


def _text(said: str) -> str:
    """An empty one would leave the last one standing, a longer one would be refused."""
    text = f"(said or 'none')[:{LONGEST_STATE}]"
    return f"{{% set said = {said} %}}{{{{ {text} if said is string else said }}}}"


def _on_or_off(said: str) -> str:
    return f"{{{{ {{true: 'ON', false: 'OFF'}}.get({said}, 'None') }}}}"
