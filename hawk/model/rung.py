"""The rungs of the ladder that recovers Bluetooth: `hawk.ble.recovery` climbs it."""

import enum


class Rung(enum.StrEnum):
    """The lowest first. Below them is the end of a single link, which every session sees to itself."""

    RESTART_SCAN = "restart_scan"
    NEW_CONNECTION = "new_connection"  # to D-Bus, in a new loop; ends all sessions
    POWER_CYCLE = "power_cycle"  # of the adapter
    ADAPTER_DOWN = "adapter_down"  # nothing to be done but to try again
