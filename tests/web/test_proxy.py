"""Behind a proxy: whom it says who asks, and the links that it needs."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hawk.config.schema import Api, Settings
from hawk.web.proxy import Seen, as_asked, below, seen_through, with_base
from tests.doubles import address
from tests.web.stage import TOKEN, Stage, open_stage

PROXIES = ("10.0.0.1", "172.16.0.0/12", "fd00::/8")


def seen(peer: str, *headers: tuple[str, str]) -> Seen:
    return seen_through(peer, [(name.encode(), value.encode("latin1")) for name, value in headers], PROXIES)


@pytest.mark.parametrize(
    ("peer", "said", "client"),
    [
        ("10.0.0.1", "192.168.1.7", "192.168.1.7"),
        ("172.20.0.5", "192.168.1.7", "192.168.1.7"),
        ("::ffff:10.0.0.1", "192.168.1.7", "192.168.1.7"),
        ("fd00::1", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "6.6.6.6, 192.168.1.7", "192.168.1.7"),
        ("10.0.0.1", "6.6.6.6, 192.168.1.7, 172.16.0.9", "192.168.1.7"),
        ("10.0.0.1", "172.16.0.9", "172.16.0.9"),
        ("10.0.0.1", "192.168.1.7:51000", "192.168.1.7"),
        ("10.0.0.1", "[2001:db8::1]:51000", "2001:db8::1"),
        ("10.0.0.1", "6.6.6.6, nonsense", "10.0.0.1"),
        ("10.0.0.1", "6.6.6.6, nonsense, 172.16.0.9", "172.16.0.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("192.168.1.9", "6.6.6.6", "192.168.1.9"),
        ("", "6.6.6.6", ""),
        ("<local>", "6.6.6.6", "<local>"),
    ],
)
def test_the_client_is_the_last_one_that_is_no_proxy(peer: str, said: str, client: str) -> None:
    assert seen(peer, ("X-Forwarded-For", said)).client == client


def test_what_a_proxy_says_of_scheme_and_host_is_believed_and_what_another_says_is_not() -> None:
    said = (("x-forwarded-proto", "http, https"), ("X-Forwarded-Host", "hawk.example"))
    assert seen("10.0.0.1", *said) == Seen("10.0.0.1", "https", "hawk.example")
    assert seen("10.0.0.2", *said) == Seen("10.0.0.2")
    assert seen("10.0.0.1", ("X-Forwarded-Proto", "javascript")).scheme is None
    assert seen("10.0.0.1", ("Forwarded", "for=6.6.6.6;proto=https;host=evil.example")) == Seen("10.0.0.1")


def test_a_header_that_stands_there_twice_is_one_list() -> None:
    said = (("X-Forwarded-For", "192.168.1.7"), ("X-Forwarded-For", "172.16.0.9"))
    assert seen("10.0.0.1", *said).client == "192.168.1.7"


@given(
    st.text(),
    st.lists(
        st.tuples(
            st.sampled_from([b"x-forwarded-for", b"X-Forwarded-Proto", b"x-forwarded-host"]), st.binary()
        )
    ),
)
def test_anything_can_be_said(peer: str, headers: list[tuple[bytes, bytes]]) -> None:
    assert seen_through(peer, headers, ()) == Seen(peer)
    for each in (peer, "10.0.0.1"):
        found = seen_through(each, headers, PROXIES)
        assert found.scheme in {None, "http", "https"}
        assert found.host != ""


@pytest.mark.parametrize(
    ("path", "ours"),
    [("/hawk/api/devices", "/api/devices"), ("/api/devices", "/api/devices"), ("/hawk/", "/"), ("/hawk", "/hawk"),
     ("/hawkeye/api", "/hawkeye/api"), ("/hawk/hawk/api", "/hawk/api"), ("/", "/")],
)  # fmt: skip
def test_the_path_of_the_proxy_is_taken_away_where_it_did_not_do_so(path: str, ours: str) -> None:
    assert below(path, "/hawk") == ours
    assert below(path, "") == path


def test_links_lead_through_the_proxy_and_nothing_else_is_touched() -> None:
    document = {
        "data": [{"id": "/api", "links": {"self": "/api/x"}, "attributes": {"url": "/api/x", "links": 3}}],
        "links": {"next": None, "self": "https://elsewhere"},
    }
    assert with_base(document, "/hawk") == {
        "data": [
            {"id": "/api", "links": {"self": "/hawk/api/x"}, "attributes": {"url": "/api/x", "links": 3}}
        ],
        "links": {"next": None, "self": "https://elsewhere"},
    }
    assert with_base(document, "") is document


# -- the settings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["hawk", "//", "/a//b", "/a b", "/ä", "/a?b", "/api", "/api/x", "/metrics", "/healthz"],
)
def test_a_path_that_cannot_be_is_refused(path: str) -> None:
    with pytest.raises(ValidationError, match="a path such as /hawk"):
        Api(base_path=path)


@pytest.mark.parametrize("path", ["", "/hawk", "/api2", "/home/battery-hawk", "/api_x"])
def test_a_path_that_can_be_is_taken(path: str) -> None:
    assert Api(base_path=path).base_path == path


@pytest.mark.parametrize(("path", "base"), [("/hawk/", "/hawk"), ("/", "")])
def test_a_slash_at_the_end_changes_nothing(path: str, base: str) -> None:
    assert Api(base_path=path).base_path == base


@pytest.mark.parametrize("proxy", ["proxy", "10.0.0", "10.0.0.0/33", "", "*"])
def test_a_proxy_is_named_by_address_or_network(proxy: str) -> None:
    with pytest.raises(ValidationError, match="an address such as"):
        Api(trusted_proxies=(proxy,))


# -- the application -------------------------------------------------------------------------------

BEHIND = Api(trusted_proxies=("10.0.0.1",), base_path="/hawk")
FROM = {"X-Forwarded-For": "192.168.1.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "hawk.example"}


async def ask(stage: Stage, method: str, path: str, peer: str = "10.0.0.1", **more: Any) -> Any:
    return await stage.ask(method, path, scope_base={"client": (peer, 1)}, **more)


async def test_pages_behind_a_proxy_have_a_safe_cookie_and_write_from_its_name(tmp_path: Path) -> None:
    async with open_stage(tmp_path, settings=Settings(api=BEHIND)) as stage:
        page: Any = {**FROM, "Authorization": None, "Origin": "https://hawk.example"}
        said = await ask(stage, "POST", "/hawk/api/session", json={"token": TOKEN}, headers=page)
        cookie = said.headers["Set-Cookie"]
        assert "Secure" in cookie
        assert "Path=/hawk" in cookie
        page["Cookie"] = cookie.partition(";")[0]
        said = await ask(
            stage, "POST", "/hawk/api/vehicles", headers=page,
            json={"data": {"type": "vehicles", "attributes": {"name": "Boat"}}},
        )  # fmt: skip
        assert (said.status_code, said.headers["Location"]) == (201, "/hawk/api/vehicles/vehicle_1")
        assert (await said.get_json())["data"]["links"]["self"] == "/hawk/api/vehicles/vehicle_1"
        said = await ask(
            stage, "DELETE", "/hawk/api/vehicles/vehicle_1", headers={**page, "Origin": "http://localhost"}
        )
        assert said.status_code == 403


async def test_pages_follow_through_the_proxy(tmp_path: Path) -> None:
    async with open_stage(tmp_path, settings=Settings(api=BEHIND)) as stage:
        await stage.configured(1)
        await stage.configured(2)
        document = await stage.get("/api/devices?page[size]=1")
        assert document["links"]["next"].startswith("/hawk/api/devices?")
        document = await stage.get(document["links"]["next"])
        assert [each["id"] for each in document["data"]] == [address(2)]


async def test_who_guesses_behind_a_proxy_shuts_out_nobody_else() -> None:
    async with open_stage(settings=Settings(api=BEHIND)) as stage:
        wrong = {"Authorization": "Bearer x"}
        for _ in range(10):
            await ask(stage, "GET", "/api/nothing", headers={**FROM, **wrong})
        other = {**FROM, "X-Forwarded-For": "192.168.1.8"}
        assert (await ask(stage, "GET", "/api/nothing", headers=FROM)).status_code == 429
        assert (await ask(stage, "GET", "/api/nothing", headers=other)).status_code == 404
        said = [  # from elsewhere, where everybody can say what he likes
            await ask(
                stage,
                "GET",
                "/api/nothing",
                "192.168.1.9",
                headers={**wrong, "X-Forwarded-For": f"6.6.6.{n}"},
            )
            for n in range(12)
        ]
        assert [each.status_code for each in said] == [401] * 10 + [429] * 2


async def test_without_tokens_the_name_that_the_proxy_tells_is_checked() -> None:
    api = BEHIND.model_copy(update={"auth": "none", "trusted_hosts": ("hawk.example",)})
    async with open_stage(settings=Settings(api=api)) as stage:
        assert (await ask(stage, "GET", "/healthz", headers=FROM)).status_code == 200
        foreign = {**FROM, "X-Forwarded-Host": "evil.example"}
        assert (await ask(stage, "GET", "/healthz", headers=foreign)).status_code == 403


def test_a_request_without_a_known_sender_is_nobodys() -> None:
    scope = {"type": "http", "path": "/x", "scheme": "http", "headers": [(b"x-forwarded-for", b"6.6.6.6")]}
    assert as_asked(scope, BEHIND)["client"] == ("", 0)
