"""BM6, BM7 and BM2 as drivers."""

from functools import partial

from hawk.drivers import bm2, bm6, bm6_memory, bm_family
from hawk.drivers.api import Driver, History
from hawk.drivers.bm2_history import Bm2Download
from hawk.drivers.bm6_cranking import Bm6Recollection
from hawk.drivers.bm6_history import Bm6Download
from hawk.drivers.bm_family import Family
from hawk.drivers.bm_probe import BmProbe
from hawk.wire import aes


def _driver(device_type: str, description: str, names: frozenset[str], family: Family) -> Driver:
    return Driver(
        device_type=device_type,
        description=description,
        names=names,
        gatt=bm_family.GATT,
        codec=partial(bm6.Bm6Codec, family),
        measures=("voltage", "temperature", "state_of_charge"),
        hear=partial(bm_family.hear, family),
        plausible=bm_family.PLAUSIBLE,
        probe=BmProbe,
        probe_services=bm_family.SERVICES,
        history=History(partial(Bm6Download, family), bm6_memory.sample_of),
        cranking=partial(Bm6Recollection, family),
        decode={
            "live": lambda data, _: bm6.decode_live(family, data),
            "advertisement": partial(bm_family.decode_advertisement, family),
            "ibeacon": lambda data, _: bm_family.open_beacon(family, data),
            "history": lambda data, _: bm6_memory.decode_history(aes.decrypt(family.key, data)),
            "version": lambda data, _: bm6_memory.decode_version(aes.decrypt(family.key, data)),
            "cranking": lambda data, _: bm6_memory.decode_cranking(aes.decrypt(family.key, data)),
        },
    )


BM6 = _driver(
    "BM6",
    "12 V battery monitor: leagend BM6, Ancel BM200, Sealey BT2020, Battery Guard",
    frozenset({"bm6", "battery guard"}),
    bm6.BM6_FAMILY,
)
BM7 = _driver(
    "BM7", "12 V battery monitor: Ancel BM300 Pro, BM300", frozenset({"bm300 pro", "bm7"}), bm6.BM7_FAMILY
)


BM2 = Driver(
    device_type="BM2",
    description="12 V battery monitor: BM2, Battery Monitor, Li Battery Monitor, ZX-1689",
    names=frozenset({"battery monitor", "li battery monitor", "zx-1689", "bm2"}),
    gatt=bm_family.GATT,
    codec=bm2.Bm2Codec,
    measures=("voltage", "state_of_charge"),
    hear=partial(bm_family.hear, bm2.FAMILY),
    plausible=bm_family.PLAUSIBLE,
    probe=BmProbe,
    probe_services=bm_family.SERVICES,
    history=History(partial(Bm2Download, bm2.FAMILY), bm2.sample_of, cranking=bm2.cranking_of),
    decode={
        "live": lambda data, _: bm2.decode_live(data),
        "advertisement": partial(bm_family.decode_advertisement, bm2.FAMILY),
        "ibeacon": lambda data, _: bm_family.open_beacon(bm2.FAMILY, data),
        "history": lambda data, _: bm2.decode_history(aes.decrypt(bm2.FAMILY.key, data)),
    },
)
