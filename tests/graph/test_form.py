"""A form is the same however it is cut on its way."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from graph.form import Begun, FormParts, Mark
from tests.graph.serving.depot import END, FORM, part

PIECES = st.sampled_from([b"\r\n", b"\r", b"--", b"\r\n--cu", b"x", b"\n--cu", b"--cut", b"\0\xff"])
VALUES = st.lists(PIECES, max_size=6).map(b"".join).filter(lambda value: b"\r\n--cut" not in b"\r\n" + value)


@given(values=st.lists(VALUES, max_size=3), cuts=st.lists(st.integers(0, 400), max_size=8))
def test_a_form_that_is_cut_anywhere_has_the_same_parts(values: list[bytes], cuts: list[int]) -> None:
    body = b"".join(part(str(number), value, '; filename="a"') for number, value in enumerate(values)) + END
    parts = FormParts(FORM)
    places = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    events = [event for start, end in itertools.pairwise(places) for event in parts.feed(body[start:end])]
    found: list[bytes] = []
    for event in events:
        if isinstance(event, Begun):
            assert event == (str(len(found)), "a", "application/octet-stream")
            found.append(b"")
        elif isinstance(event, bytes):
            found[-1] += event
    assert found == values
    assert [event for event in events if isinstance(event, Mark)] == [Mark.PART_ENDED] * len(values) + [Mark.FORM_ENDED]
