"""Every fault of the simulated bluetoothd, in random sequences, against the whole service and 20 devices.

`python -m tests.chaos --episodes 10000` in quick time, `--real` with the policies as they are.
"""
