"""What BM6, BM7 and BM2 remember and how they send it, from the protocol page. Plain text."""

from collections.abc import Iterator, Sequence

PIECE = 160  # bytes in a notification


def bm6_reply(records: Sequence[bytes], start: int, end: int) -> Iterator[bytes]:
    """`records` with the newest first. Notifications, the first one an acknowledgement."""
    if start >= end:
        yield _block(b"\xff\xfe\xfe\x00" + (9).to_bytes(2, "big"))
        return
    if start >= len(records) > 0:  # what the flash held long ago
        sent: Sequence[bytes] = [bytes.fromhex("4de32140")] * min(end - start, 512)
    else:
        sent = records[start:end]
    yield _block(b"\xd1\x55\x05" + len(sent).to_bytes(2, "big"))
    if not sent:
        yield _block(b"\xfe\xfe\xfe")
        yield _block(b"\xff\xfe\xfe\x00" + (12).to_bytes(2, "big"))
        return
    data = b"".join(sent)
    data += bytes(-len(data) % 16)
    yield from (data[i : i + PIECE] for i in range(0, len(data), PIECE))
    yield _block(b"\xff\xfe\xfe\x00" + (4 * len(sent) + 9).to_bytes(2, "big"))


def bm2_size(records: Sequence[bytes]) -> bytes:
    return _block(b"\xe7" + (4 * len(records)).to_bytes(3, "big"))


def bm2_reply(records: Sequence[bytes]) -> Iterator[bytes]:
    """`records` with the newest first; sent from the oldest."""
    data = b"".join(reversed(records))
    yield _block(b"\xff\xff\xfe")
    padded = data + bytes(-len(data) % 16)
    yield from (padded[i : i + 16] for i in range(0, len(padded), 16))
    yield _block(b"\xff\xfe\xfe" + (len(data) + 9).to_bytes(3, "big"))


def _block(head: bytes) -> bytes:
    return head.ljust(16, b"\0")
