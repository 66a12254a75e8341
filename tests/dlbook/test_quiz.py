"""quiz: what it emits, and what it refuses."""

import math
import re

import numpy as np
import pytest

from dlbook._quiz import quiz

CHOICES = [("one", True, "because one"), ("two", False, "because not two")]
CHOOSE = {"ask": "How many?", "choices": CHOICES}
NUMBER = {
    "ask": "What is 32 − 5 + 1?",
    "answer": 28,
    "within": 0.5,
    "right": "Yes, counted.",
    "wrong": "Count the places.",
    "traps": {27: "That forgets the + 1."},
}


def page(*questions) -> str:
    return quiz(*questions)._repr_html_()


class TestPage:
    def test_one_right_choice_gives_radio_buttons_in_the_given_order(self):
        text = page(CHOOSE)
        assert text.count('type="radio"') == 2
        assert text.index("<span>one</span>") < text.index("<span>two</span>")

    def test_several_right_choices_give_check_boxes_and_say_so(self):
        text = page({"ask": "Which?", "choices": [*CHOICES, ("three", True, "as one")]})
        assert text.count('type="checkbox"') == 3
        assert "Several answers are right." in text

    def test_every_answer_is_explained_in_the_fold(self):
        text = page(CHOOSE, NUMBER)
        assert text.count("<details") == 2
        for why in (
            "because one",
            "because not two",
            "forgets the + 1",
            "Yes, counted.",
        ):
            assert text.count(why) == 1

    def test_the_number_field_asks_for_a_decimal_keyboard(self):
        assert 'inputmode="decimal"' in page(NUMBER)

    def test_markup_and_escaping(self):
        text = page(CHOOSE | {"ask": "`a<b>*c*` and *w* x_{i}^{2} <script> 2*3*4"})
        legend = re.search("<legend>(.*?)</legend>", text)[1]
        assert legend == (
            "<code>a&lt;b&gt;*c*</code> and <em>w</em> x<sub>i</sub><sup>2</sup> "
            "&lt;script&gt; 2*3*4"
        )

    def test_a_dollar_sign_may_stand_in_code(self):
        assert "<code>$HOME</code>" in page(CHOOSE | {"ask": "What is `$HOME`?"})

    def test_the_same_every_time_and_no_id(self):
        assert page(CHOOSE, NUMBER) == page(CHOOSE, NUMBER)
        assert not re.search(r'\sid="', page(CHOOSE, NUMBER))

    def test_numbers_may_come_from_numpy(self):
        text = page(NUMBER | {"answer": np.float64(28), "within": np.float32(0.5)})
        assert 'data-value="28.0" data-within="0.5"' in text

    def test_plain_text_asks_without_giving_the_answer_away(self):
        text = repr(quiz(CHOOSE | {"ask": "*How* many `x`?"}, NUMBER))
        assert "How many x?" in text and "one" in text and "two" in text
        assert "because" not in text and "28" not in text


def choices(*given):
    return {"ask": "How many?", "choices": list(given)}


@pytest.mark.parametrize(
    ("questions", "kind", "says"),
    [
        ([], ValueError, "no questions"),
        (["How many?"], TypeError, "str"),
        ([{}], ValueError, "choices or its answer"),
        ([{"ask": "How many?"}], ValueError, "choices or its answer"),
        ([CHOOSE | {"answer": 3}], ValueError, "both"),
        ([CHOOSE | {"chioces": 3}], ValueError, "chioces"),
        ([{"ask": "?", "chocies": CHOICES}], ValueError, "did you mean 'choices'"),
        ([NUMBER | {"trap": {1: "x"}}], ValueError, "did you mean 'traps'"),
        ([CHOOSE, CHOOSE | {"ask": ""}], ValueError, "question 2"),
        ([CHOOSE | {"choices": CHOICES[:1]}], ValueError, "at least two"),
        ([CHOOSE | {"choices": []}], ValueError, "at least two"),
        ([CHOOSE | {"choices": "ab"}], TypeError, "list"),
        ([choices(*CHOICES, ("three", False))], ValueError, "choice 3"),
        ([choices(*CHOICES, ("three", False, ""))], ValueError, "choice 3"),
        ([choices(*CHOICES, ("three", "no", "x"))], TypeError, "choice 3"),
        ([choices(*CHOICES, CHOICES[0])], ValueError, "same text"),
        ([choices(("a", False, "x"), ("b", False, "y"))], ValueError, "no choice"),
        ([CHOOSE | {"ask": "What is $x$?"}], ValueError, "TeX"),
        ([CHOOSE | {"ask": r"What is \alpha?"}], ValueError, "TeX"),
        ([choices(*CHOICES, ("$3$", False, "x"))], ValueError, "TeX"),
        ([NUMBER | {"answer": math.nan}], ValueError, "finite"),
        ([NUMBER | {"answer": "28"}], ValueError, "finite"),
        ([NUMBER | {"answer": True}], ValueError, "finite"),
        ([NUMBER | {"within": -1}], ValueError, "0 or more"),
        ([NUMBER | {"within": math.inf}], ValueError, "finite"),
        ([NUMBER | {"traps": {28.5: "x"}}], ValueError, "trap 28.5"),
        ([NUMBER | {"traps": {"a": "x"}}], ValueError, "trap"),
        ([NUMBER | {"traps": [27]}], TypeError, "dict"),
        ([NUMBER | {"traps": {27: ""}}], ValueError, "trap 27"),
        ([{"ask": "?", "answer": 1, "right": "x"}], ValueError, "wrong"),
    ],
)
def test_bad_input_gets_one_clear_sentence(questions, kind, says):
    with pytest.raises(kind, match=re.escape(says)) as raised:
        quiz(*questions)
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith("quiz")
