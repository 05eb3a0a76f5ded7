"""A bluetoothd made of Python: org.bluez on a private D-Bus, so that unmodified bleak runs against it.

It shares no code with `hawk`: a misunderstanding cannot hide in both. What it does is compared
with recordings of the real daemon (tests/fixtures/bluez).
"""
