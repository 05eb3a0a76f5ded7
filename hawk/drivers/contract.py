"""What every driver keeps to, as tests that run on any of them, also from outside this project:

    import pytest
    from hawk.drivers.contract import RULES, Exhibit

    @pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
    def test_it_keeps_the_contract(rule):
        rule(Exhibit(MY_DRIVER, sessions=[...], adverts=[...]))

Each rule raises Broken with a sentence. How to write a driver: docs/first-driver.md.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from hawk.drivers import catalogue
from hawk.drivers.api import Codec, Driver, Gatt, Heard, Write
from hawk.drivers.guard import FAILED
from hawk.drivers.sane import fault
from hawk.errors import Invalid, NotFound, ProtocolError
from hawk.model.address import Address
from hawk.model.advertisement import Advertisement
from hawk.model.reading import QUANTITIES, Sample

T = TypeVar("T")

TRIES = 2000  # random inputs for each rule
_SEED = 6
_SOMEBODY = Address("02:00:5E:00:00:01")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Broken(AssertionError):
    """A rule of the contract, and how this driver breaks it."""


@dataclass(frozen=True, slots=True)
class Session:
    """What was captured of one conversation, and what it means."""

    notifications: Sequence[bytes]  # in their order
    sample: Sample | None  # None: a reading was never complete


@dataclass(frozen=True, slots=True)
class Advert:
    """What was captured from the air, and what it means."""

    advertisement: Advertisement
    sample: Sample


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A driver, with what was captured of its devices."""

    driver: Driver
    sessions: Sequence[Session] = ()
    adverts: Sequence[Advert] = ()
    config: Mapping[str, Any] = field(
        default_factory=dict
    )  # of the device they were captured from, if it needs one

    @property
    def configured(self) -> Driver:
        return self.driver.configured(self.config) if self.config else self.driver

    @property
    def talks(self) -> bool:
        return self.configured.gatt is not None


Rule = Callable[[Exhibit], None]


# -- the table ---------------------------------------------------------------------------------


def its_table_is_right(exhibit: Exhibit) -> None:
    driver = exhibit.configured
    for what, word in (("device_type", driver.device_type), ("description", driver.description)):
        _demand(_is_text(word), f"{what} is a text, not {word!r}")
    wrong = [name for name in driver.names if name != name.strip().lower() or not name]
    _demand(not wrong, f"names are compared in lower case and without blanks around them: {wrong}")
    unknown = set(driver.measures) - set(QUANTITIES)
    _demand(not unknown, f"measures are of {', '.join(QUANTITIES)}: not {sorted(unknown)}")
    _demand(
        driver.polling_interval is None or driver.polling_interval >= 1, "polling_interval is at least 1 s"
    )
    if driver.gatt is not None:
        _check_uuids(driver.gatt)


def _check_uuids(gatt: Gatt) -> None:
    _demand(gatt.notify, "there is a characteristic that notifies")
    said = (gatt.service, gatt.write, gatt.notify, gatt.notify_service, gatt.knock)
    for uuid in filter(None, said):
        _demand(_UUID.fullmatch(uuid), f"a UUID is written in full and in lower case, not {uuid!r}")


def its_names_are_nobody_elses(exhibit: Exhibit) -> None:
    own = exhibit.driver
    for other in _others(own):
        words = own.words & other.words
        _demand(not words, f"{other.device_type} has the type or alias {sorted(words)} already")
        names = own.names & other.names
        _demand(not names, f"{other.device_type} goes by the advertised name {sorted(names)}, too")


def a_wrong_config_is_refused(exhibit: Exhibit) -> None:
    """By Invalid, with the place of the mistake; nothing else is raised."""
    for config in ({"no such key": 1}, {"": None}, {key: object() for key in exhibit.config} or {"x": []}):
        try:
            exhibit.driver.configured(config)
        except Invalid as error:
            _demand(error.pointer.startswith("/"), f"no place in the config is said: {error}")
        except NotFound:  # the library it needs is not installed
            return
        else:
            raise Broken(f"the config {config!r} was taken")


# -- what was captured -------------------------------------------------------------------------


def captured_sessions_give_the_captured_samples(exhibit: Exhibit) -> None:
    for session in exhibit.sessions:
        for again in ("", " when the next session came"):  # nothing stays from one to the next
            found = _run(exhibit.configured.codec(), session.notifications)
            _demand_same(found, session.sample, again)


def captured_advertisements_are_understood_by_it_alone(exhibit: Exhibit) -> None:
    for advert in exhibit.adverts:
        heard = exhibit.configured.hear(advert.advertisement)
        _demand_same(None if heard is None else heard.sample, advert.sample)
        for other in _others(exhibit.driver):
            _demand(_heard(other, advert.advertisement) is None, f"{other.device_type} understood it, too")


# -- what was never sent -----------------------------------------------------------------------


def what_it_writes_is_bytes(exhibit: Exhibit) -> None:
    if exhibit.talks:
        for write in exhibit.configured.codec().begin():
            _demand(_is_write(write), f"begin gives Writes of some bytes, not {write!r}")


def any_notification_is_a_sample_or_a_ProtocolError(exhibit: Exhibit) -> None:  # noqa: N802  # a name in code
    """Random bytes, and captured ones that were damaged."""
    if not exhibit.talks:
        return
    chance = random.Random(_SEED)  # noqa: S311  # the same each time
    captured = [data for session in exhibit.sessions for data in session.notifications]
    codec = exhibit.configured.codec()
    for _ in range(TRIES):
        _notify(exhibit.configured.codec(), _noise(chance, captured))
        _notify(codec, _noise(chance, captured))


def any_advertisement_is_heard_or_a_ProtocolError(exhibit: Exhibit) -> None:  # noqa: N802  # a name in code
    """Random bytes, and captured ones that were damaged."""
    chance = random.Random(_SEED)  # noqa: S311  # the same each time
    captured = [
        (company, data)
        for advert in exhibit.adverts
        for company, data in advert.advertisement.manufacturer_data.items()
    ]
    for _ in range(TRIES):
        company, data = chance.choice([*captured, (chance.randrange(0x10000), b"")])
        said = {company: _noise(chance, [data] if data else [])}
        heard = _heard(exhibit.configured, Advertisement(_SOMEBODY, None, -60, "hci0", said))
        if heard is not None:
            _demand_sane(heard.sample)


def any_bytes_are_decoded_or_a_ProtocolError(exhibit: Exhibit) -> None:  # noqa: N802  # a name in code
    """By `hawk decode`, of each kind."""
    chance = random.Random(_SEED)  # noqa: S311  # the same each time
    captured = [data for session in exhibit.sessions for data in session.notifications]
    for kind, decode in exhibit.configured.decode.items():
        for address in (None, _SOMEBODY):
            for _ in range(TRIES // 10):
                data = _noise(chance, captured) or b"\0"
                _tried(f"decoding {data.hex()} as {kind}", partial(decode, data, address))


RULES: tuple[Rule, ...] = (
    its_table_is_right,
    its_names_are_nobody_elses,
    a_wrong_config_is_refused,
    captured_sessions_give_the_captured_samples,
    captured_advertisements_are_understood_by_it_alone,
    what_it_writes_is_bytes,
    any_notification_is_a_sample_or_a_ProtocolError,
    any_advertisement_is_heard_or_a_ProtocolError,
    any_bytes_are_decoded_or_a_ProtocolError,
)


# ----------------------------------------------------------------------------------------------


def _run(codec: Codec, notifications: Sequence[bytes]) -> Sample | None:
    codec.begin()
    for data in notifications:
        if (sample := _notify(codec, data)) is not None:
            return sample
        codec.wants()
    return None


def _notify(codec: Codec, data: bytes) -> Sample | None:
    sample = _tried(f"the notification {data.hex()}", partial(codec.receive_data, data))
    if sample is not None:
        _demand(isinstance(sample, Sample), f"{data.hex()} gave {sample!r}, which is no Sample")
        _demand_sane(sample)
    return sample


def _heard(driver: Driver, advertisement: Advertisement) -> Heard | None:
    what = f"the advertisement {advertisement.manufacturer_data}"
    return _tried(what, partial(driver.hear, advertisement))


def _others(driver: Driver) -> list[Driver]:
    """That are installed here, too."""
    return [other for other in catalogue.load().drivers if other.device_type != driver.device_type]


def _noise(chance: random.Random, captured: Sequence[bytes]) -> bytes:
    """Of any length, or something captured with a few bytes overwritten, cut off or added."""
    if not captured or chance.random() < 0.3:
        return chance.randbytes(chance.randrange(40))
    data = bytearray(chance.choice(captured))
    for _ in range(chance.randint(1, 3)):
        if data:
            data[chance.randrange(len(data))] = chance.randrange(256)
    cut = chance.choice((0, 0, 1, chance.randrange(len(data) + 1)))
    return bytes(data[: len(data) - cut]) + chance.randbytes(chance.choice((0, 0, 1, 7)))


def _tried(what: str, call: Callable[[], T]) -> T | None:
    """Its result; None after a ProtocolError, which is as it should be."""
    try:
        return call()
    except ProtocolError as error:
        _demand(error.reason != FAILED, f"{what}: {error}")
        return None
    except Exception as error:  # that is what is looked for
        raise Broken(f"{what} raised {type(error).__name__}: {error}") from error


def _is_text(given: object) -> bool:
    return isinstance(given, str) and bool(given.strip())


def _is_write(given: object) -> bool:
    return isinstance(given, Write) and type(given.data) is bytes and given.data != b""


def _demand_same(found: Sample | None, expected: Sample | None, when: str = "") -> None:
    if found is None or expected is None:
        _demand(found is expected, f"expected {expected}, got {found}{when}")
        return
    for name in Sample.__slots__:
        got, wanted = getattr(found, name), getattr(expected, name)
        _demand(got == wanted, f"{name}: expected {wanted!r}, got {got!r}{when}")


def _demand_sane(sample: Sample) -> None:
    if (wrong := fault(sample)) is not None:
        raise Broken(wrong)


def _demand(holds: object, otherwise: str) -> None:
    if not holds:
        raise Broken(otherwise)
