"""What schemathesis asks and need not."""

from typing import Any

import schemathesis

NOTHING: tuple[object, ...] = (None, "", [], [""], {})  # over the wire all the same, and JSON:API allows it


@schemathesis.hook
def filter_query(_: schemathesis.HookContext, query: Any) -> bool:
    return not isinstance(query, dict) or query.get("include", "something") not in NOTHING
