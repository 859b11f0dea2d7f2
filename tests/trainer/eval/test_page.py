"""The page of an evaluation, read as a browser does: what is played, what finds no room, and data that would be markup."""

import base64

import numpy as np

from tests.helpers.html_page import HOSTILE, Page
from voxsmith.models.audio import encode
from voxsmith.trainer.eval import page
from voxsmith.trainer.eval.page import Figure, Row, Table, as_html
from voxsmith.trainer.eval.svg import Line, chart

CLIP = encode(np.zeros(400, np.float32), 16000)


def test_clips_are_in_the_page_until_it_is_full() -> None:
    rows = [Row(name, "Yes.", question_clip=CLIP, answer_clip=CLIP, heard="") for name in "abc"]
    room = 3 * (len(CLIP) * 4 // 3)
    read = Page(as_html(page.Page("a run", "of rows", rows), most=room))
    players = read.all("audio")
    assert [player["aria-label"] for player in players] == ["question a", "answer a", "question b"]
    kind, _, content = str(players[0]["src"]).partition(",")
    assert kind == "data:audio/flac;base64" and base64.b64decode(content) == CLIP
    assert "3 clips found no room" in read.text and read.text.count("Heard in its speech: (nothing)") == 3


def test_data_is_text_and_nothing_comes_from_elsewhere() -> None:
    row = Row(HOSTILE, HOSTILE, HOSTILE, CLIP, HOSTILE, CLIP, HOSTILE, [HOSTILE], [(HOSTILE, HOSTILE)])
    whole = as_html(
        page.Page(
            HOSTILE,
            HOSTILE,
            [row],
            HOSTILE,
            [Figure(HOSTILE, HOSTILE, HOSTILE)],
            HOSTILE,
            [Table([HOSTILE], [[HOSTILE]])],
            [(HOSTILE, chart([Line(HOSTILE, [(0, 1), (1, 2)])], HOSTILE, HOSTILE))],
        )
    )
    read = Page(whole)
    assert not read.all("script") and not read.all("img") and read.text.count(HOSTILE) == 22
    assert not any(name.startswith("on") for _, attributes in read.tags for name in attributes)
    sources = [value for _, attributes in read.tags for name, value in attributes.items() if name in ("src", "href")]
    assert len(sources) == 2 and all(str(value).startswith("data:audio/") for value in sources)
    policy = read.all("meta", **{"http-equiv": "Content-Security-Policy"})
    assert "default-src 'none'" in str(policy[0]["content"])


def test_an_empty_evaluation_says_so() -> None:
    text = Page(as_html(page.Page("a run", "of rows"))).text
    assert "No answers were generated." in text and "there are no curves" in text
