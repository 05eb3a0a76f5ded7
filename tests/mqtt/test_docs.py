"""docs/mqtt.md is complete and true."""

import re
from pathlib import Path

from hawk.mqtt.commands import COMMANDS
from hawk.mqtt.topics import SAID

PAGE = (Path(__file__).parents[2] / "docs" / "mqtt.md").read_text()
TOPIC = re.compile(r"^\| `([^`]+)` \| (\d) \| (yes|no) \|", re.MULTILINE)


def test_every_topic_is_documented_with_its_qos_and_retain_flag() -> None:
    documented = {
        re.sub(r"{\w+}", "{}", path): (int(qos), kept == "yes") for path, qos, kept in TOPIC.findall(PAGE)
    }
    assert documented == {topic.path: (topic.qos, topic.retain) for topic in SAID}


def test_every_command_is_documented() -> None:
    _, _, section = PAGE.partition("\n## Commands\n")
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(COMMANDS)
