"""What the scanner of bleak says, as advertisements."""

import asyncio

from bleak.args.bluez import BlueZDiscoveryFilters
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from hawk.ble.bluez import Moved, adapter_of
from hawk.ble.fresh import Fresh
from hawk.model.address import parse_address
from hawk.model.advertisement import Advertisement

EVERY_ADVERT = BlueZDiscoveryFilters(DuplicateData=True)  # otherwise BlueZ merges old data into new

Heard = asyncio.Queue[Advertisement | Exception | Moved]


def is_connected(said: AdvertisementData) -> bool:
    """By now: bleak keeps these properties as BlueZ signals them."""
    return bool(said.platform_data[1].get("Connected"))


def hear(fresh: Fresh, queue: Heard, device: BLEDevice, said: AdvertisementData) -> None:
    path, properties = said.platform_data
    news = fresh.news(
        path,
        said.rssi,
        connected=bool(properties.get("Connected")),
        services_resolved=bool(properties.get("ServicesResolved")),
        manufacturer_data=said.manufacturer_data,
    )
    if news is None:
        return
    queue.put_nowait(
        Advertisement(
            address=parse_address(device.address),
            name=said.local_name,
            rssi=said.rssi,
            adapter=adapter_of(path),
            manufacturer_data=news,
            service_uuids=tuple(uuid.lower() for uuid in said.service_uuids),
            service_data={uuid.lower(): data for uuid, data in said.service_data.items()},
        )
    )
