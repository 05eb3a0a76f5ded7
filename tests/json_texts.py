"""Texts that people, editors and broken disks leave in a JSON file, for hypothesis."""

import json
from collections.abc import Sequence

from hypothesis import strategies as st

# What a library would say; none of it is for people.
FOREIGN = (
    "Expecting",
    "delimiter",
    "Input should",
    "Field required",
    "Value error",
    "codec",
    "recursion",
    "Errno",
    "char ",
    "literal",
    "pydantic",
    "Exceeds",
    "isoformat",
    "Invalid",
    "object has no",
    "not supported between",
    "Traceback",
    "NoneType",
    "int()",
)

_SCALARS = st.one_of(
    st.sampled_from(
        [
            "null",
            "true",
            "false",
            "NaN",
            "-Infinity",
            "1e999",
            "-1e999",
            "9" * 400,
            "-" + "9" * 309,
            "1" * 5000,
            "0.1e-999",
            '""',
            '"\\ud83d"',
            '"\\u0000"',
            '"a\\nb"',
            '"%s"' % ("x" * 3000),
            "-0",
            "00",
            "1.",
            "'x'",
            "undefined",
            "[" * 90 + "]" * 90,
            "[" * 150 + "]" * 150,
            "[" * 30_000 + "]" * 30_000,
        ]
    ),
    st.integers().map(json.dumps),
    st.floats(allow_nan=False, allow_infinity=False).map(json.dumps),
    st.text(max_size=8).map(json.dumps),
)


def texts(keys: Sequence[str]) -> st.SearchStrategy[str]:
    """Objects with these keys and others, also twice the same, in each other."""
    names = st.sampled_from(keys).map(json.dumps) | st.text(max_size=4).map(json.dumps)

    def inside(each: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        pairs = st.lists(st.tuples(names, each), max_size=4)
        objects = pairs.map(lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}")
        return objects | st.lists(each, max_size=3).map(lambda items: "[" + ",\n".join(items) + "]")

    return st.recursive(_SCALARS, inside, max_leaves=12)


@st.composite
def contents(draw: st.DrawFn, text: st.SearchStrategy[str]) -> bytes:
    """As bytes: mostly whole, some with a mark before, cut off, in another encoding, or with bytes that are none."""
    content = draw(text).encode(errors="surrogatepass")
    match draw(st.sampled_from(["whole", "whole", "whole", "marked", "cut", "wide", "damaged"])):
        case "marked":
            return b"\xef\xbb\xbf" + content
        case "cut":
            return content[: draw(st.integers(0, len(content)))]
        case "wide":
            return content.decode(errors="surrogatepass").encode("utf-16", errors="surrogatepass")
        case "damaged":
            at = draw(st.integers(0, len(content)))
            return content[:at] + draw(st.binary(min_size=1, max_size=3)) + content[at:]
    return content


def check_said(lines: Sequence[str]) -> None:
    """Words for people: each a line that can be printed anywhere, with nothing of a library in it."""
    assert lines
    for line in lines:
        assert line.encode(), line
        assert line.isprintable(), line
        assert len(line) < 700, line
        quoted_out = line.split(": ", 2)
        assert len(quoted_out) >= 2, line
        assert not [word for word in FOREIGN if word in line.rpartition(": ")[2]], line
