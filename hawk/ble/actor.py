"""The radio as a child of the tree: it runs the loop that the radio needs."""

from actors import Actor
from hawk.ble.radio import Radio


class RadioActor(Actor):
    """Crashes when the radio's loop dies; then arbiter, scanner and devices are restarted with it."""

    stop_grace = 12.0

    def __init__(self, radio: Radio) -> None:
        super().__init__()
        self._radio = radio

    async def setup(self) -> None:
        self.spawn(self._radio.run)
