"""Prints each reading as it comes: python readings.py HOST PORT. Needs paho-mqtt 2."""

import json
import sys

import paho.mqtt.client as mqtt


def connected(client, userdata, flags, reason, properties):
    client.subscribe("battery_hawk/device/+/reading", qos=1)  # again after each connect


def heard(client, userdata, message):
    reading = json.loads(message.payload)
    name = reading.get("device_name") or reading["device_id"]
    voltage = reading.get("voltage")  # absent if it was not measured
    print(reading["timestamp"], name, "?" if voltage is None else f"{voltage:.2f} V", flush=True)


host, port = sys.argv[1:]
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.on_connect, client.on_message = connected, heard
client.connect(host, int(port))
client.loop_forever()
