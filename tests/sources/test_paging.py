"""Places, pages and links, without a backend; `tests/resolvers/test_pages.py` walks whole lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources import (
    AstrayLink,
    Cursor,
    DeclarationError,
    FakeTransport,
    Header,
    LinkHeader,
    NextUrl,
    Offset,
    Page,
    PageNumber,
    Paging,
    Place,
    Rest,
)
from sources.links import next_link, parameters_of

# -- the Link header --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ('<https://a.example/x?page=2>; rel="next"', "https://a.example/x?page=2"),
        ("<?page=2>; rel=next", "?page=2"),
        ('</1>; rel="prev", </3>; rel="next", </9>; rel="last"', "/3"),
        ('</3>; rel="last NEXT"', "/3"),
        ('</3>; REL=Next; title="a"', "/3"),
        ('</3> ;title="a, <b>; rel=prev" ; rel="next"', "/3"),
        ('</3>; title="say \\"hi\\""; rel="next"', "/3"),
        ('</3>; rel="next"; rel="prev"', "/3"),
        ('</2>; rel="prev"; rel="next", </4>; rel="next"', "/4"),
        ('</a,b;c>; rel="next"', "/a,b;c"),
        ('</2>; flag; rel="next"', "/2"),
        (' , ,</2>;rel="next",', "/2"),
        ('</2>; rel="next"; anchor="/other", </3>; rel=next', "/3"),
        ("</2>; rel=nextish", None),
        ("</2>", None),
        ("", None),
        ("next", None),
        ("<next", None),
        ('</2>; rel="next', None),
        ('</2>; rel=""', None),
    ],
)
def test_the_next_link_is_found_as_rfc_8288_says(header: str, target: str | None) -> None:
    assert next_link(header) == target


@given(st.text('<>;=,"\\ relnxt/?', max_size=60))
def test_no_header_is_too_strange_to_read(header: str) -> None:
    found = next_link(header)
    assert found is None or f"{found}>" in header.replace(" >", ">")


BASE, ASKED = "http://h.example/api", "/lists/a?size=3"


@pytest.mark.parametrize(
    ("link", "values"),
    [
        ("http://h.example/api/lists/a?page=2&size=3", ("2", None)),
        ("HTTP://H.example:80/api?since=x&page=", ("", "x")),
        ("?page=2", ("2", None)),
        ("b?since=1", (None, "1")),
        ("/api/b?page=1&page=2", ("1", None)),
        ("?page=a%26b+c", ("a&b c", None)),
        ("?page=2#top", ("2", None)),
    ],
)
def test_a_link_below_the_address_gives_its_parameters(link: str, values: tuple[str | None, ...]) -> None:
    assert parameters_of(link, BASE, ASKED, ("page", "since")) == values


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ("http://x.example/api?page=2", "that leads elsewhere"),
        ("//x.example/api?page=2", "that leads elsewhere"),
        ("https://h.example/api?page=2", "that leads elsewhere"),
        ("http://h.example:8080/api?page=2", "that leads elsewhere"),
        ("http://u:p@h.example/api?page=2", "that leads elsewhere"),
        ("http://h.example.evil.example/api?page=2", "that leads elsewhere"),
        ("/lists/a?page=2", "that leads elsewhere"),
        ("../../../x?page=2", "that leads elsewhere"),
        ("/apis?page=2", "that leads elsewhere"),
        ("javascript:alert(1)?page=2", "that leads elsewhere"),
        ("http://h.example:x/api?page=2", "that is no address"),
        ("http://[::1/api?page=2", "that is no address"),
        ("?size=3", "without page or since"),
        ("?page=", "without page or since"),
        ("?" + "&".join(f"p{number}=1" for number in range(200)), "that is no address"),
    ],
)
def test_any_other_link_is_astray(link: str, message: str) -> None:
    with pytest.raises(AstrayLink) as caught:
        parameters_of(link, BASE, ASKED, ("page", "since"))
    assert str(caught.value) == f"a link to the next page {message}"


# -- places -----------------------------------------------------------------------------------------------------------


@given(offset=st.integers(0, 5000), wanted=st.integers(1, 200), longest=st.integers(1, 120), told=st.booleans())
def test_a_page_by_number_holds_the_window_that_it_was_chosen_for(
    offset: int, wanted: int, longest: int, told: bool
) -> None:
    place = PageNumber("page", size="size", max_size=longest, first_page=0).at(offset, wanted, told=told)
    [number] = place.values
    assert isinstance(number, int)
    assert place.size is not None
    assert 1 <= place.size <= longest
    assert number * place.size + place.skip == place.offset == offset
    assert 0 <= place.skip < place.size
    assert place.size <= 2 * (wanted + 1)


def test_pages_are_asked_for_by_the_names_that_the_author_gave() -> None:
    assert PageNumber("p", size="n").values(Place((3,), 20, 0, 0)) == {"p": 3, "n": 20}
    assert PageNumber("p").values(Place((3,), None, 0, 0)) == {"p": 3}
    assert Cursor("after", size="n", next="next").values(Place((None,), 20, 0, 0)) == {"n": 20}
    links = NextUrl("links.next", ("page", "as_of"), size="n")
    assert links.variables == ("page", "as_of", "n")
    assert links.values(Place(("2", None), 5, 0, 10)) == {"page": "2", "n": 5}


def test_the_place_behind_a_page_s_last_item_is_the_next_page() -> None:
    page = Page(count=3, next=("t",))
    kinds: dict[Paging, Place] = {
        PageNumber("p", size="n"): Place((2,), 3, 0, 3),
        Offset("o", size="n"): Place((3,), 3, 0, 3),
        Cursor("c", size="n", next="next"): Place(("t",), 3, 0, 3),
        LinkHeader("l", size="n"): Place(("t",), 3, 0, 3),
    }
    for paging, place in kinds.items():
        assert paging.past(paging.begin(3, told=True), page, 2) == place
    last = Page(count=3)
    begin = LinkHeader("l", size="n").begin(3, told=True)
    assert LinkHeader("l", size="n").past(begin, last, 2) == Place((None,), 3, 3, 3)


@pytest.mark.parametrize(
    ("paging", "place"),
    [
        (PageNumber("p", size="n"), Place((0,), 3, 0, 0)),
        (PageNumber("p", size="n"), Place((-1,), 3, 0, 0)),
        (PageNumber("p", size="n"), Place(("1",), 3, 0, 0)),
        (PageNumber("p", size="n"), Place((1,), 0, 0, 0)),
        (PageNumber("p", size="n"), Place((1,), 101, 0, 0)),
        (PageNumber("p", size="n", max_size=20), Place((1,), 21, 0, 0)),
        (PageNumber("p", size="n"), Place((1,), None, 0, 0)),
        (PageNumber("p"), Place((1,), 3, 0, 0)),
        (PageNumber("p", size="n"), Place((1, 2), 3, 0, 0)),
        (PageNumber("p", size="n"), Place((), 3, 0, 0)),
        (PageNumber("p", size="n"), Place((1,), 3, 2, 1)),
        (PageNumber("p", size="n"), Place((1,), 3, -1, 1)),
        (PageNumber("p", size="n"), Place((2**60,), 3, 0, 0)),
        (Offset("o", size="n"), Place((4,), 3, 0, 5)),
        (Offset("o", size="n"), Place((2**60,), 3, 0, 2**60)),
        (Cursor("c", size="n", next="x"), Place((), 3, 0, 0)),
        (LinkHeader("l"), Place(("a",), 3, 0, 0)),
    ],
)
def test_a_place_that_no_walk_of_this_paging_makes_is_not_accepted(paging: Paging, place: Place) -> None:
    assert not paging.accepts(place)
    assert paging.accepts(paging.begin(3, told=True))


# -- declarations -----------------------------------------------------------------------------------------------------

EITHER = "Cursor: give either next=, the path to the next cursor, or item=, that in an item"


@pytest.mark.parametrize(
    ("paging", "message"),
    [
        (PageNumber("", size="n"), "PageNumber: it needs the names of template variables"),
        (Offset("o", size=""), "Offset: it needs the names of template variables"),
        (LinkHeader(()), "LinkHeader: it needs the names of template variables"),
        (PageNumber("p", size="p"), "PageNumber: one template variable has two meanings"),
        (Offset("o", max_size=0), "Offset: max_size is less than 1 item"),
        (Cursor("c"), "Cursor: give either next=, the path to the next cursor, or item=, that in an item"),
        (
            Cursor("c", next="a", item="b"),
            "Cursor: give either next=, the path to the next cursor, or item=, that in an item",
        ),
    ],
)
def test_a_paging_that_cannot_be_is_named(paging: Paging, message: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        paging.check()
    assert str(caught.value) == message


def test_faults_of_a_paged_call_are_collected_by_its_source() -> None:
    source = Rest("s", "http://s.example", client=FakeTransport({}))

    def field() -> None: ...

    source.get("/x{?p}", paging=PageNumber("p"), batch="/y{?id*}", key="id")(field)
    source.get("/x{?p}", total="meta.total")(field)
    source.get("/x{?p}", paging=NextUrl("links..next", "p"))(field)
    source.get("/x{?p}", paging=PageNumber("p"), total=Header("a b"))(field)
    where = "source 's': test_faults_of_a_paged_call_are_collected_by_its_source.<locals>.field: "
    assert [fault.removeprefix(where) for fault in source.faults] == [
        "paging and batch exclude each other: each list has pages of its own",
        "total is for lists in pages, and there is no paging",
        "'links..next' is not a path of property names: it has an empty part",
        "'a b' is not a header that a graph may set or forward",
    ]
