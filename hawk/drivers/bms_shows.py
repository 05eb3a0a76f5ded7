"""What is shown of a BMS, as far as its family has it. Meanings: docs/devices/bms.md."""

from hawk.drivers.showing import (
    about,
    ampere_hours,
    ampere_hours_counted,
    amperes,
    degrees,
    hidden,
    percent,
    perhaps,
    seconds,
    several,
    times,
    volts,
    watt_hours_left,
    word,
    yes_or_no,
)

SHOWS = (
    *perhaps(
        ampere_hours("cycle_charge", "Charge left"),
        watt_hours_left("cycle_capacity", "Energy left"),
        seconds("runtime", "Time left"),
        ampere_hours("design_capacity", "Capacity", category="diagnostic"),
        percent("battery_health", "Health", category="diagnostic"),
        times("cycles", "Cycles", category="diagnostic"),
        word("battery_mode", "Mode", category="diagnostic"),
        yes_or_no("chrg_mosfet", "Charging allowed", category="diagnostic"),
        yes_or_no("dischrg_mosfet", "Discharging allowed", category="diagnostic"),
        *hidden(
            ampere_hours_counted("total_charge", "Discharge in all"),
            volts("delta_voltage", "Difference between cells", category="diagnostic"),
            amperes("balance_current", "Balancing current", category="diagnostic"),
            yes_or_no("heater", "Heater"),
        ),
        about("model", "Model"),
    ),
    *several(volts("cell_voltage", "Cell voltage", category="diagnostic", enabled=False), 32),
    *several(degrees("temperature", "Temperature sensor", category="diagnostic", enabled=False), 8),
)
