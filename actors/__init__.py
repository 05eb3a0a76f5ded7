"""Supervised actors: pykka on Trio.

An actor owns its state and gets messages; a supervisor starts and restarts it; a ref is its
address and outlives its restarts. `docs/architecture.md` shows how they are used.
"""

from pykka import ActorDeadError

from actors.actor import Actor
from actors.backoff import Intensity
from actors.bus import Bus, Channel
from actors.future import Future, WouldBlock
from actors.group import Group, Reconcile
from actors.mailbox import MailboxSpec, MailboxStatistics, Overflow
from actors.messages import ActorCrashed, AskTimeout, Down, Later, MailboxFull, Query
from actors.ref import ActorRef
from actors.spec import (
    ChildSpec,
    ChildState,
    FindChild,
    Restart,
    RestartChild,
    StartChild,
    StopChild,
    Strategy,
    WhichChildren,
)
from actors.supervisor import RestartIntensityExceeded, Supervisor
from actors.system import ActorSystem, Hopeless, open_system
from actors.watchdog import Watchdog, notify_systemd

__all__ = [
    "Actor",
    "ActorCrashed",
    "ActorDeadError",
    "ActorRef",
    "ActorSystem",
    "AskTimeout",
    "Bus",
    "Channel",
    "ChildSpec",
    "ChildState",
    "Down",
    "FindChild",
    "Future",
    "Group",
    "Hopeless",
    "Intensity",
    "Later",
    "MailboxFull",
    "MailboxSpec",
    "MailboxStatistics",
    "Overflow",
    "Query",
    "Reconcile",
    "Restart",
    "RestartChild",
    "RestartIntensityExceeded",
    "StartChild",
    "StopChild",
    "Strategy",
    "Supervisor",
    "Watchdog",
    "WhichChildren",
    "WouldBlock",
    "notify_systemd",
    "open_system",
]
