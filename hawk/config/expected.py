"""What a setting has to be, in our words: those of pydantic are for programmers."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails

_KINDS = {
    "string_type": "a text",
    "string_too_short": "a text that is not empty",
    "string_unicode": "a text without halves of characters",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing_size": "a smaller number",
    "float_type": "a number",
    "finite_number": "a number that is not infinite",
    "tuple_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "missing": "a value",
    "string_pattern_mismatch": "a filter of topics, in which + is a whole level and # the end",
}
_ELSE = "another value"


def in_words(error: ErrorDetails) -> str:
    bounds: Mapping[str, Any] = error.get("ctx", {})
    match error["type"]:
        case "value_error":
            return str(bounds["error"])  # a sentence of the schema
        case "literal_error":
            return f"one of {bounds['expected'].replace(' or ', ', ')}"
        case "greater_than_equal":
            return f"at least {bounds['ge']:g}"
        case "less_than_equal":
            return f"at most {bounds['le']:g}"
        case kind:
            return _KINDS.get(kind, _ELSE)
