"""What an event stream says, event by event."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hawk.web import shapes
from hawk.web.kinds import CONFIG, CRANKING, DEVICES, DISCOVERIES, HISTORY, READINGS, VEHICLES, Kind


@dataclass(frozen=True, slots=True)
class Event:
    says: str
    kinds: tuple[Kind, ...] = ()  # of the resource in its data
    others: tuple[Any, ...] = ()  # what pydantic can describe


EVENTS: Mapping[str, Event] = {
    "hello": Event("The first.", others=(shapes.HelloShape,)),
    "reading": Event("It is on the disk; the id of the event is its `seq`.", (READINGS,)),
    "live": Event("As soon as it is measured; it may not be on the disk yet.", (READINGS,)),
    "device": Event("It changed, or is gone.", (DEVICES,), (shapes.DeletedShape,)),
    "vehicle": Event("It changed, or is gone.", (VEHICLES,), (shapes.DeletedShape,)),
    "discovery": Event("A device that nobody knew.", (DISCOVERIES,)),
    "alert": Event("Does not occur yet."),
    "history": Event("What a device remembers is being read, or told of a start.", (HISTORY, CRANKING)),
    "system": Event("What changed of the status.", others=(shapes.StatusChange,)),
    "settings": Event("Some of them changed.", (CONFIG,)),
    "gap": Event("These readings were not told: fetch them.", others=(shapes.GapShape,)),
    "bye": Event("The service stops, and the stream ends."),
}
