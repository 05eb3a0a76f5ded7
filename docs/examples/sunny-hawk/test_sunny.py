import pytest
from hawk.drivers.contract import RULES, Advert, Exhibit, Session
from hawk.model.address import Address
from hawk.model.advertisement import Advertisement
from hawk.model.reading import Sample
from sunny import DRIVER

CAPTURED = Exhibit(
    DRIVER,
    sessions=[
        Session([bytes.fromhex("560504fdaa")], Sample(voltage=12.84, temperature=-3)),
        Session([bytes.fromhex("5604e215a5")], Sample(voltage=12.50, temperature=21)),
    ],
    adverts=[
        Advert(
            Advertisement(
                address=Address("02:00:5E:00:00:07"),
                name="Sunny",
                rssi=-60,
                adapter="hci0",
                manufacturer_data={0xFFFF: bytes.fromhex("53050452")},
            ),
            Sample(voltage=12.84),
        )
    ],
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_it_keeps_the_contract(rule):
    rule(CAPTURED)
