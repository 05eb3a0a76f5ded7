"""What an exported summary of an hour or a day has, in this order; that of readings is in hawk/model/reading_json.py."""

from hawk.model.reading import QUANTITIES

SUMMARY_NAMES = (
    "device_id", "timestamp", "resolution", "count",
    *(f"{quantity}_{part}" for quantity in QUANTITIES for part in ("count", "min", "max", "mean", "last")),
    "device_type", "device_name", "vehicle_id", "vehicle_name", "simulated", "gateway_id", "seq",
)  # fmt: skip
