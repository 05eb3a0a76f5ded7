"""What requests are refused with: each status with its codes, and which of them an endpoint can answer with. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from hawk.errors import HawkError
from hawk.web.jsonapi import STATUSES, status_of
from hawk.web.operation import Operation

MEANINGS: Mapping[int, str] = {
    400: "What was asked cannot be understood; `source.parameter` has the full name of a query parameter.",
    401: "No token, or a wrong one.",
    403: "A token that only reads, a page of another site, a foreign name for this machine, or an id that is given here.",
    404: "Nothing of that name is known.",
    405: "Not with this method; `Allow` says with which.",
    406: "`Accept` asks for something else.",
    408: "The body did not arrive within 30 s.",
    409: "It does not fit to how things are: the name is taken, the id or type is another, the device is none of"
    " ours, or the radio is not free.",
    412: "It is not any more what `If-Match` says.",
    413: "The body has more than 64 KiB.",
    415: "The body is neither JSON:API nor JSON.",
    422: "An attribute is wrong or unknown; `source.pointer` says which. Nothing was changed.",
    429: "Too many wrong tokens from this address; `Retry-After` says how long to wait.",
    500: "A bug; the log has it.",
    503: "The device, the radio, the log or a part of the service cannot now.",
    504: "A part of the service did not answer in time.",
}

# Of ApiErrors; those of the program's own errors come from their classes. A test holds this against the source.
OWN: Mapping[int, frozenset[str]] = {
    400: frozenset({"bad_json", "bad_parameter"}),
    401: frozenset({"unauthorized"}),
    403: frozenset({"foreign_host", "foreign_origin", "no_client_ids", "read_only"}),
    404: frozenset({"not_found"}),
    405: frozenset({"method_not_allowed"}),
    406: frozenset({"not_acceptable"}),
    408: frozenset({"request_timeout"}),
    409: frozenset({"conflict"}),
    413: frozenset({"too_large"}),
    415: frozenset({"unsupported_media_type"}),
    422: frozenset({"invalid"}),
    429: frozenset({"too_many_attempts"}),
    500: frozenset({"internal"}),
    503: frozenset({"clock_uncertain", "overloaded", "restarting", "too_many_streams"}),
    504: frozenset({"timeout"}),
}


def codes() -> Mapping[int, frozenset[str]]:
    found = defaultdict(set, {status: set(words) for status, words in OWN.items()})
    for root in STATUSES:
        for kind in (root, *_below(root)):
            found[status_of(kind)].add(kind.code)
    return {status: frozenset(words) for status, words in sorted(found.items())}


def _below(kind: type[HawkError]) -> Iterator[type[HawkError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)


def refused_with(operation: Operation, method: str, *, placed: bool) -> frozenset[int]:
    """`placed`: a part of the path says what it is about."""
    found = {403, 500, *operation.refuses}
    if operation.needs_token:
        found |= {400, 401, 429}
    if placed:
        found |= {404}
    if operation.speaks_jsonapi:
        found |= {400, 406, 503, 504}
    if "If-Match" in operation.headers:
        found |= {409, 412}  # also when somebody edits the file in the same instant
    if method in {"POST", "PATCH"} or operation.body is not None:
        found |= {408, 413, 415}
    if operation.body is not None:
        found |= {409, 422} if operation.body.kind else {422}
    return frozenset(found)
