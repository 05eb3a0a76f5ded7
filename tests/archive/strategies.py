"""Readings of every kind."""

from hypothesis import strategies as st

from hawk.model.address import Address
from hawk.model.reading import QUANTITIES, Moment, Reading, Sample, Scalar, Source
from hawk.model.reading_json import AHEAD, FIRST
from hawk.model.rules import ANY_BATTERY

NOW = Moment(1_795_392_000_000, 1000.0)  # 2026-11-23
assert NOW.utc is not None

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
names = texts | st.sampled_from(
    ['"', '""', "\r\n", "\n", "\r", "=1+1", "a,b", " ", "'", "Bü\u2028ro", "\x00", "\ufeff"]
)
scalars: st.SearchStrategy[Scalar] = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
)
extras = st.dictionaries(names, scalars, max_size=4)


def quantity(name: str) -> st.SearchStrategy[float | None]:
    bounds = ANY_BATTERY[name]
    return st.none() | st.floats(bounds.min, bounds.max)


samples = st.builds(
    Sample,
    **{name: quantity(name) for name in QUANTITIES},
    status=st.none() | names.filter(bool),
    status_code=st.none() | st.integers(-(2**31), 2**31 - 1),
    extra=extras,
).filter(lambda sample: sample != Sample())

readings = st.builds(
    Reading,
    device_id=st.binary(min_size=6, max_size=6).map(lambda raw: Address(raw.hex(":").upper())),
    moment=st.integers(FIRST, NOW.utc + AHEAD).map(
        lambda utc: Moment(utc, NOW.boot_time - (1_795_392_000_000 - utc) / 1000)
    ),
    sample=samples,
    source=st.sampled_from(Source),
    device_type=names.filter(bool),
    device_name=names,
    vehicle_id=st.none() | names.filter(bool),
    vehicle_name=st.none() | names.filter(bool),
    gateway_id=st.just("") | st.binary(min_size=6, max_size=6).map(bytes.hex),
    rssi=st.none() | st.integers(-128, 127),
    simulated=st.booleans(),
    seq=st.none() | st.integers(1, 2**62),
)
