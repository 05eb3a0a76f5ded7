"""How the service is announced, and where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.config.schema import Settings
from hawk.web.announcement import Place, announcement, reached_by, shortened

PLACES = [
    Place("lo", "127.0.0.1"),
    Place("wlan0", "192.168.1.20"),
    Place("eth0", "10.0.0.9"),
    Place("docker0", "172.17.0.1"),
    Place("br-3f", "172.18.0.1"),
]
GATEWAY = "0123456789ab"


@pytest.mark.parametrize(
    ("address", "reached"),
    [
        ("0.0.0.0", ("10.0.0.9", "192.168.1.20")),
        ("::", ("10.0.0.9", "192.168.1.20")),
        ("192.168.1.20", ("192.168.1.20",)),
        ("127.0.0.1", ()),
        ("::1", ()),
        ("172.17.0.1", ()),
    ],
)
def test_only_addresses_that_others_reach_are_announced(address: str, reached: tuple[str, ...]) -> None:
    assert reached_by(address, PLACES) == reached


def settings(**sections: object) -> Settings:
    return Settings.model_validate(sections)


def test_what_is_announced_says_how_to_ask_and_nothing_secret() -> None:
    given = settings(gateway={"name": "Boat"}, api={"base_path": "/hawk/", "token": "x" * 20})
    said = announcement(given, GATEWAY, "raspberrypi", ("0.0.0.0", 5000), PLACES)
    assert said is not None
    assert (said.name, said.host, said.port) == ("Boat 89ab", f"battery-hawk-{GATEWAY}.local.", 5000)
    assert said.properties == {"id": GATEWAY, "version": said.version, "api": "/hawk/api", "auth": "token"}


def test_without_a_name_it_is_called_as_the_machine() -> None:
    said = announcement(settings(), GATEWAY, "raspberrypi", ("0.0.0.0", 5000), PLACES)
    assert said is not None
    assert said.name == "raspberrypi 89ab"


def test_nothing_is_announced_where_it_is_switched_off_or_nobody_reaches_it() -> None:
    off = settings(zeroconf={"enabled": False})
    assert announcement(off, GATEWAY, "pi", ("0.0.0.0", 5000), PLACES) is None
    assert announcement(settings(), GATEWAY, "pi", ("127.0.0.1", 5000), PLACES) is None
    assert announcement(settings(), GATEWAY, "pi", ("0.0.0.0", 5000), PLACES[:1]) is None


@given(st.text())
def test_any_name_fits_into_a_label(name: str) -> None:
    said = shortened(name.encode(errors="replace").decode())
    assert len(said.encode()) <= 63
    assert said.isprintable()
