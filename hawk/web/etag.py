"""ETag and If-Match: nobody overwrites a change that he has not seen. Pure.

The tag is that of what can be changed: a device that says another voltage has the same one.
"""

import re

from hawk.registry.messages import Meant


def etag(tag: str) -> dict[str, str]:
    return {"ETag": f'"{tag}"'}


def meant_by(if_match: str | None) -> Meant:
    """The tags in the header; none for `*`, and none that fits for what is no tag. A weak one fits nothing."""
    if if_match is None or if_match.strip() == "*":
        return None
    return frozenset(tag for weak, tag in re.findall(r'(W/)?"([^"]*)"', if_match) if not weak)
