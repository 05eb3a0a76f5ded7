"""What may be asked of the gateway by MQTT: from the message to what is wanted. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hawk.errors import BadAddress
from hawk.model.address import Address, parse_address
from hawk.mqtt.topics import COMMAND, GATEWAY_SET, Topics
from hawk.registry.messages import DeviceChanges

LONGEST = 4096  # bytes of a command
_LOG_LEVELS = ("DEBUG", "INFO", "WARN", "ERROR")
_DAY = 24 * 60  # [minutes]

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GetDevices:
    pass


@dataclass(frozen=True, slots=True)
class DiscoverDevices:
    duration: float | None  # [s]; None = the setting


@dataclass(frozen=True, slots=True)
class AddDevice:
    address: Address
    changes: DeviceChanges
    test: bool  # read once before it is registered


@dataclass(frozen=True, slots=True)
class SetDevice:
    address: Address
    changes: DeviceChanges


@dataclass(frozen=True, slots=True)
class RemoveDevice:
    address: Address


@dataclass(frozen=True, slots=True)
class PollDevice:
    address: Address


@dataclass(frozen=True, slots=True)
class ReleaseDevice:
    address: Address
    minutes: float


@dataclass(frozen=True, slots=True)
class RestartGateway:
    pass


@dataclass(frozen=True, slots=True)
class SetLogLevel:
    level: str


Wanted = (
    GetDevices | DiscoverDevices | AddDevice | SetDevice | RemoveDevice | PollDevice | ReleaseDevice
    | RestartGateway | SetLogLevel
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Order:
    command: str
    request_id: str | None
    wanted: Wanted


class Refused(Exception):
    """It is answered with this, and nothing is done."""

    def __init__(
        self, code: str, detail: str, command: str | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(detail)
        self.code, self.command, self.request_id = code, command, request_id


def understood(
    topics: Topics, gateway_id: str, topic: str, payload: bytes, *, retained: bool
) -> Order | None:
    """None for what nobody has to answer: nothing at all, and what is meant for another gateway. Raises Refused."""
    if not payload:  # how a retained command is cleared
        return None
    if len(payload) > LONGEST:
        raise Refused("too_large", f"a command has at most {LONGEST} bytes, this has {len(payload)}")
    said = _parsed(payload)
    command = said.get("command")
    if topic != topics.named_in(COMMAND):
        command = "set_gateway" if topic == topics.named_in(GATEWAY_SET) else "set_device"
    name, request_id = command if isinstance(command, str) else None, _request_id(said)
    if said.get("gateway_id", gateway_id) != gateway_id:
        return None
    if retained:
        detail = "a command must not be retained: it would run again and again"
        raise Refused("retained_ignored", detail, name, request_id)
    try:
        return Order(name or "", request_id, _wanted(topics, topic, name, said))
    except Refused as refused:
        raise Refused(refused.code, str(refused), name, request_id) from None


def _parsed(payload: bytes) -> Json:
    try:
        said = json.loads(payload)
    except (ValueError, RecursionError):
        raise Refused("bad_json", "a command is a JSON object") from None
    if not isinstance(said, dict):
        raise Refused("bad_json", "a command is a JSON object")
    return said


def _request_id(said: Json) -> str | None:
    """As text: some programs number theirs."""
    match said.get("request_id"):
        case str() as text:
            return text
        case int() as number if not isinstance(number, bool):
            return str(number)
        case _:
            return None


def _wanted(topics: Topics, topic: str, name: str | None, said: Json) -> Wanted:
    if topic == topics.named_in(GATEWAY_SET):
        return SetLogLevel(_log_level(said))
    if topic != topics.named_in(COMMAND):
        return _of_topic(topics, topic, said)
    if name is None:
        raise Refused("bad_request", "say which: 'command' is text")
    if name not in COMMANDS:
        raise Refused("unknown_command", f"{name!r} is none of {', '.join(COMMANDS)}")
    return COMMANDS[name](said)


def _of_topic(topics: Topics, topic: str, said: Json) -> Wanted:
    try:
        address = topics.device_of_set(topic)
    except BadAddress as error:
        raise Refused("bad_request", str(error)) from None
    if address is None:
        raise Refused("unknown_command", f"nothing can be asked on {topic}")
    return SetDevice(address, _changes(said))


# -- one by one ------------------------------------------------------------------------------


def _add(said: Json) -> AddDevice:
    return AddDevice(_address(said), _changes(said), _flag(said, "test", otherwise=True))


COMMANDS: Mapping[str, Callable[[Json], Wanted]] = {
    "get_devices": lambda _: GetDevices(),
    "discover_devices": lambda said: DiscoverDevices(_number(said, "duration", 1, 300)),
    "add_device": _add,
    "set_device": lambda said: SetDevice(_address(said), _changes(said)),
    "remove_device": lambda said: RemoveDevice(_address(said)),
    "poll_device": lambda said: PollDevice(_address(said)),
    "release_device": lambda said: ReleaseDevice(_address(said), _number(said, "minutes", 1, _DAY) or 30.0),
    "restart_gateway": lambda _: RestartGateway(),
}


def _address(said: Json) -> Address:
    text = _text(said, "mac_address")
    if text is None:
        raise Refused("bad_request", "say which device: 'mac_address'")
    try:
        return parse_address(text)
    except BadAddress as error:
        raise Refused("bad_request", str(error)) from None


def _changes(said: Json) -> DeviceChanges:
    """What the registry has to judge it judges itself."""
    return DeviceChanges(
        device_type=_text(said, "device_type") or _text(said, "type"),
        friendly_name=_text(said, "name") or _text(said, "friendly_name"),
        polling_interval=_number(said, "polling_interval", 1, 1e9),
        vehicle_id=_text(said, "vehicle_id"),
        no_vehicle="vehicle_id" in said and said["vehicle_id"] is None,
        config=_object(said, "config"),
    )


def _log_level(said: Json) -> str:
    level = _text(said, "log_level")
    if level not in _LOG_LEVELS:
        raise Refused("bad_request", f"log_level is one of {', '.join(_LOG_LEVELS)}")
    return level


def _text(said: Json, name: str) -> str | None:
    value = said.get(name)
    if value is None or isinstance(value, str):
        return value
    raise Refused("bad_request", f"{name} is text")


def _number(said: Json, name: str, least: float, most: float) -> float | None:
    value = said.get(name)
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
        return value
    raise Refused("bad_request", f"{name} is a number from {least:g} to {most:g}")


def _flag(said: Json, name: str, *, otherwise: bool) -> bool:
    value = said.get(name, otherwise)
    if isinstance(value, bool):
        return value
    raise Refused("bad_request", f"{name} is true or false")


def _object(said: Json, name: str) -> Json | None:
    value = said.get(name)
    if value is None or isinstance(value, dict):
        return value
    raise Refused("bad_request", f"{name} is an object")
