"""A second set of topics, as BluPow has them: for who has dashboards and automations of it. Pure."""

from dataclasses import dataclass

from hawk.model.address import Address
from hawk.model.attributes import Json
from hawk.model.device import DeviceView
from hawk.mqtt import payloads
from hawk.mqtt.messages import Message
from hawk.mqtt.payloads import Gateway
from hawk.mqtt.topics import COMMAND, Topic, Topics

STATE = Topic("{}/state", 1, retain=True)

_BLUPOW = {
    "voltage": "battery_voltage",  # V
    "current": "battery_current",  # A, positive while charging
    "state_of_charge": "battery_percentage",
    "temperature": "battery_temperature",  # degC
}
_AS_THEY_ARE = ("power", "status", "status_code", "rssi", "simulated", "device_id", "timestamp", "gateway_id")


@dataclass(frozen=True, slots=True)
class Alias:
    topics: Topics  # below the alias prefix

    @property
    def filters(self) -> tuple[str, ...]:
        return (self.topics.named_in(COMMAND),)

    @property
    def kept(self) -> str:
        """The filter of what the broker keeps for us."""
        return self.topics.named_in(STATE.path.format("+"))

    def state(self, view: DeviceView, gateway: Gateway) -> Message:
        address = view.device.address
        return self.topics.message(STATE, as_blupow(payloads.state(view, gateway)), address)

    def forget(self, address: Address) -> Message:
        return self.topics.message(STATE, "", address)


def as_blupow(state: Json) -> Json:
    """A `state` by BluPow's names; what the device tells besides (Renogy) by its own."""
    said = {name: state[key] for key, name in _BLUPOW.items() if key in state}
    same = {key: state[key] for key in _AS_THEY_ARE if key in state}
    return {**state.get("extra", {}), **same, **said}
