"""Pages of a list: none is left out, none comes twice, there and back."""

from urllib.parse import parse_qsl, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from hawk.web.paging import Links, Page, cut, page_links, read
from hawk.web.query import Asked, Parameter, Parameters, encode_cursor

LIST = Parameters((Parameter("filter[status]", "That."),), paged=True)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NAMES = st.lists(TEXT.filter(bool), unique=True).map(sorted)


def asked_by(link: str) -> Asked:
    assert urlsplit(link).path == "/api/devices"
    assert not set(urlsplit(link).query) & set('[]" ')
    return LIST.parse(parse_qsl(urlsplit(link).query, keep_blank_values=True))


def page_of(names: list[str], asked: Asked) -> tuple[list[str], Links]:
    page = cut(asked, names, str, str)
    return list(page.items), page_links(asked, "/api/devices", page, str)


def walk(names: list[str], link: str, way: str) -> list[list[str]]:
    page, links = page_of(names, asked_by(link))
    assert asked_by(links["self"] or "").values == asked_by(link).values
    following = links[way]
    return [page] if following is None else [page, *walk(names, following, way)]


@given(NAMES, st.integers(1, 7))
def test_pages_go_through_the_list_once_in_both_directions(names: list[str], size: int) -> None:
    there = walk(names, f"/api/devices?page[size]={size}".replace("[", "%5B").replace("]", "%5D"), "next")
    assert [name for page in there for name in page] == names
    if len(there) > 1:
        cursor = encode_cursor(there[-1][0])
        back = walk(names, f"/api/devices?page%5Bsize%5D={size}&page%5Bbefore%5D={cursor}", "prev")
        assert back[::-1] == there[:-1]


@given(NAMES, TEXT.filter(bool), TEXT, st.booleans())
def test_the_links_ask_for_the_same_in_other_places(
    names: list[str], cursor: str, status: str, back: bool
) -> None:
    place = ("page[before]" if back else "page[after]", encode_cursor(cursor))
    _, links = page_of(names, LIST.parse([("filter[status]", status), ("page[size]", "3"), place]))
    for name, link in links.items():
        asked = asked_by(link) if link is not None else None
        assert asked is None or (asked.values["filter[status]"], asked.size) == (status, 3)
        assert name != "first" or (asked and asked.after is None and asked.before is None)


@given(NAMES, TEXT.filter(bool), st.integers(1, 7))
def test_a_page_that_something_was_taken_out_of_leaves_no_other_out(
    names: list[str], cursor: str, size: int
) -> None:
    later, _ = page_of(names, Asked(size=size, after=cursor))
    earlier, _ = page_of(names, Asked(size=size, before=cursor))
    assert later == [name for name in names if name > cursor][:size]
    assert earlier == [name for name in names if name < cursor][-size:]


def test_the_first_page_has_none_before_it_and_the_last_none_behind() -> None:
    _, links = page_of(["a", "b"], Asked())
    assert links == {"self": "/api/devices", "first": "/api/devices", "prev": None, "next": None}


def test_what_the_log_reads_backwards_is_turned() -> None:
    assert read(Asked(before="9"), [3, 2, 1], None) == Page([1, 2, 3], more=False)
    assert read(Asked(after="9"), [1, 2, 3], 3) == Page([1, 2, 3], more=True)
