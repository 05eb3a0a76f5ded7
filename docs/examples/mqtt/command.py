"""Reads one battery now: python command.py HOST PORT AA:BB:CC:DD:EE:FF. Needs paho-mqtt 2."""

import json
import sys
import uuid

import paho.mqtt.client as mqtt

host, port, address = sys.argv[1:]
REQUEST = uuid.uuid4().hex


def connected(client, userdata, flags, reason, properties):
    client.subscribe(f"battery_hawk/gateway/response/{REQUEST}", qos=1)


def subscribed(client, userdata, mid, reasons, properties):
    command = {"command": "poll_device", "mac_address": address, "request_id": REQUEST}
    client.publish("battery_hawk/gateway/command", json.dumps(command), qos=1)  # never with retain


def answered(client, userdata, message):
    answer = json.loads(message.payload)
    print(json.dumps(answer["result"]["reading"] if answer["ok"] else answer["error"], indent=2))
    client.disconnect()


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.on_connect, client.on_subscribe, client.on_message = connected, subscribed, answered
client.connect(host, int(port))
client.loop_forever()
