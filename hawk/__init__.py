"""Battery Hawk: hears, reads and keeps the voltages of Bluetooth battery monitors."""

__version__ = "0.1.0"
RELEASED = "2026-11-23"  # no clock that shows an earlier day is right
