"""The page holds the figures, needs nothing from outside, and says what the figures say."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from ogive._errors import OutputError
from ogive.kernels.spectrum import CONDITIONAL, INDEFINITE, POSITIVE
from ogive.report import page
from ogive.report.page import render_page, write_report
from ogive.report.page_pictures import digit_strips

VOID = {"meta", "img", "link", "br", "hr", "input"}
CASES = {
    "ten classes": {},
    "two classes": {"classes": 2, "mistakes": 1},
    "colour": {"channels": 3, "dtype": np.float32, "side": 60},
    "no mistakes": {"mistakes": 0},
    "all mistakes": {"classes": 2, "mistakes": 12},
    "positive definite": {"verdict": POSITIVE},
    "conditionally": {"verdict": CONDITIONAL},
    "bare": {
        "search": None,
        "comparison": (),
        "versions": {},
        "data_note": "",
        "kernel": "Cauchy()",
    },
    "many classes": {"classes": 30},
}


class Reader(HTMLParser):
    """Checks that tags balance, and collects attributes and text."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.pieces = [], [], []
        self.feed(html)
        self.close()
        assert self.open == [], "tags left open"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert tag not in VOID and self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.pieces.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.pieces).split())

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.mark.parametrize("case", CASES)
def test_page_is_sound(make_result, case):
    html = render_page(make_result(**CASES[case]))
    reader = Reader(html)
    assert html.startswith("<!DOCTYPE html>")
    assert reader.all("html") == [{"lang": "en"}]
    assert "made-up" in html.partition("<title>")[2].partition("</title>")[0]
    for attributes in reader.all("img"):
        assert attributes["src"].startswith("data:image/")
        assert attributes["alt"].strip()
    for attributes in reader.all("th"):
        assert attributes["scope"] in ("col", "row")
    assert len(reader.all("h1")) == 1 and len(reader.all("main")) == 1
    assert "nan" not in reader.text.lower().split() and "None " not in reader.text
    assert "{{" not in html and "{%" not in html
    assert len(html.encode()) < 1_500_000


@pytest.mark.parametrize("case", CASES)
def test_page_asks_for_nothing_from_outside(make_result, case):
    html = render_page(make_result(**CASES[case]))
    assert not re.search(r"https?://|@import|url\((?!%23)|<script|<link|srcset", html, re.I)
    for _, attributes in Reader(html).tags:
        for name in {"href", "src", "action", "data"} & set(attributes):
            assert attributes[name].startswith("data:")
    assert "default-src 'none'" in html


def test_figures_appear(make_result):
    result = make_result()
    text = Reader(render_page(result)).text.replace("\u00a0", " ")
    plain = result.definiteness.plain
    for figure in (
        "12,345", "60 pictures", "88.3 %", "10.0 %", "90.0 %", "4,000", "all rows", "312 MB",
        "1.2", "87.5 %", "12.5 %", "50.0 %", "0.03326883885", "Krein ridge regression.",
        "gamma is made up.", f"{plain.negative_count} of the 20 eigenvalues",
        f"{100 * plain.negative_mass:.2g} % of the mass", "ogive demo --out 'my folder'",
        "62.5 %", "0.9512", "Of the pictures most alike to each of 40 test pictures",
        "fitted in 4.2 seconds to 1,437 of", "96.5 %", "98.5 %",
        "0.1.0", "2.4.6", "61.5 seconds", "These pictures are noise.", "Of the 7 mistakes",
    ):  # fmt: skip
        assert figure in text, figure
    assert "Sigmoid(gamma=0.03326883885, coef0=-1.0)" in text


def test_a_search_is_shown_hit_by_hit(make_result):
    reader = Reader(render_page(make_result()))
    alts = [attributes["alt"] for attributes in reader.all("img")]
    assert [alt for alt in alts if alt.startswith(("Test", "Training"))] == [
        "Test picture of class class 0",
        "Training picture of class class 0",
        "Training picture of class class 1",
        "Test picture of class class 1",
        "Training picture of class class 1",
        "Training picture of class class 0",
    ]
    assert len(reader.all("em")) == 2  # hits of another class
    assert "Searching by a picture" not in Reader(render_page(make_result(search=None))).text


def test_drawn_digits_are_strips_with_gaps(make_result):
    digits = make_result().digits
    digits.pictures[1, 2] = 200
    first, second = digit_strips(digits)
    assert (first.label, second.label) == ("zero", "one")
    with Image.open(io.BytesIO(base64.b64decode(second.uri.partition(",")[2]))) as image:
        grey, opacity = np.moveaxis(np.asarray(image), -1, 0)
    assert grey.shape == (8, 3 * 8 + 2)
    assert (opacity[:, [8, 17]] == 0).all() and opacity.sum() == 3 * 64 * 255
    assert (grey[:, 18:] == 200).all() and not grey[:, :18].any()


def test_everything_is_escaped(make_result, make_score):
    nasty = "<b>\"&'x</b>"
    html = render_page(
        make_result(
            classes=2,
            mistakes=1,
            data=nasty,
            data_note=nasty,
            kernel=nasty,
            kernel_note=nasty,
            treatment=nasty,
            command=nasty,
            versions={nasty: nasty},
            scores=(make_score(nasty, 0.5, detail=nasty), make_score("other", 0.75)),
            comparison=(make_score(nasty, 0.5, detail=nasty),),
        )
    )
    Reader(html)
    assert nasty not in html and "<b>&#34;" not in html.replace("<b>&lt;b&gt;", "")


def test_class_names_are_escaped(make_result):
    result = make_result(classes=3)
    object.__setattr__(result, "classes", ("<b>bold</b>", "</style><script>", '" onload="x'))
    html = render_page(result)
    reader = Reader(html)
    assert "truly <b>bold</b>" in reader.text
    assert "script" not in {tag for tag, _ in reader.tags}
    assert not any("onload" in attributes for _, attributes in reader.tags)


def test_no_mistakes_are_said_so(make_result):
    text = Reader(render_page(make_result(mistakes=0))).text
    assert "every test picture was named correctly" in text
    assert "No picture was mistaken" in text
    text = Reader(render_page(make_result(classes=2, mistakes=12))).text
    assert "every test picture was named wrongly" in text


@pytest.mark.parametrize(
    ("others", "expected", "unexpected"),
    [
        ((0.9,), "not the best here: the other kernel gets 5.0 points more", "ahead"),
        ((0.8,), "ahead of the others, 5.0 points above the other kernel", "not the best"),
        ((0.8501,), "come out level", "ahead"),
        ((), "With 1,000 test pictures", "kernel"),
    ],
)
def test_standing_is_told_honestly(make_score, others, expected, unexpected):
    scores = [make_score("sigmoid", 0.85), *(make_score("other", value) for value in others)]
    text = page.score_sentences(scores, 1000).replace("\u00a0", " ")
    assert expected in text and unexpected not in text
    assert "±2.2 points" in text


@pytest.mark.parametrize(
    ("own", "peer", "expected"),
    [(0.9, 0.8, "10.0 points more"), (0.8, 0.9, "10.0 points fewer"), (0.8, 0.80001, "level")],
)
def test_comparison_is_told_honestly(make_score, own, peer, expected):
    scores = [make_score("Ogive X", own), make_score("scikit-learn SVC", peer)]
    text = page.comparison_sentence(scores).replace("\u00a0", " ")
    assert expected in text and "the same 120 training pictures" in text
    assert page.comparison_sentence(scores[:1]) == ""


def test_machines_of_one_name_are_told_apart(make_result):
    html = render_page(make_result())
    assert "scikit-learn SVC%3A C=1" in html
    assert "scikit-learn KernelRidge%3A" not in html


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (POSITIVE, "none of the eigenvalues"),
        (CONDITIONAL, "conditionally positive definite"),
        (INDEFINITE, "So the kernel is indefinite"),
    ],
)
def test_verdict_in_words(make_definiteness, verdict, words):
    assert words in page.definiteness_sentences(make_definiteness(verdict))


def test_differences_are_those_of_the_printed_figures():
    assert page.points(0.97349, 0.9595) == 1.3  # 97.3 - 96.0, though 1.4 before rounding
    assert page.points(0.5, 0.50004) == 0


def test_interval_is_known():
    assert page.interval(0.5, 10_000) == pytest.approx(0.0098, abs=1e-4)
    assert 0 < page.interval(1.0, 10) < 0.2


@pytest.mark.parametrize(
    ("function", "value", "text"),
    [
        (page.count, 60000, "60,000"),
        (page.percent, 0.86514, "86.5 %"),
        (page.share, 0.00031, "0.031 %"),
        (page.share, 0.16, "16 %"),
        (page.share, 0.999, "100 %"),
        (page.seconds, 0.0712, "0.07"),
        (page.seconds, 12.34, "12.3"),
        (page.seconds, 1234.5, "1,234"),
        (page.memory, 312_345_678, "312 MB"),
        (page.memory, 1_440_000_000, "1.4 GB"),
        (page.rounded, "a(0.0332688388, 1.23456789e-05, 0.5)", "a(0.03327, 1.235e-05, 0.5)"),
        (page.sentence, " gamma is 1 ", "gamma is 1."),
    ],
)
def test_formats(function, value, text):
    assert function(value).replace("\u00a0", " ") == text


def test_report_is_written_whole(make_result, tmp_path, monkeypatch):
    result = make_result()
    file = write_report(result, tmp_path / "new")
    assert file == tmp_path / "new" / "report.html"
    assert file.read_text(encoding="utf-8") == render_page(result)
    assert [path.name for path in file.parent.iterdir()] == ["report.html"]
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="a file stands where a folder is needed"):
        write_report(result, tmp_path / "file")
