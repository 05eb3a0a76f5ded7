"""The token that opens the API: the one that the settings chose, else what stands in its file."""

import re
from pathlib import Path

from hawk.config.schema import TOKEN


class Token:
    def __init__(self, text: str, file: Path | None = None) -> None:
        """`file` is where it stands; None when the settings chose it."""
        self.text, self._file = text, file

    def look(self) -> bool:
        """Takes the one that stands in the file now; whether it is another. Blocks. While there is none that could
        be one, the old one holds.
        """
        if self._file is None:
            return False
        try:
            text = self._file.read_text().strip()
        except (OSError, ValueError):
            return False
        if text == self.text or not re.fullmatch(TOKEN, text):
            return False
        self.text = text
        return True
