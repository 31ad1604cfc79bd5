"""What forecasts lack is said to a planner in both languages, whatever the company lacks."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import product

import pandas as pd
import pytest

from funnelcast.forecast.cash import _not_given
from funnelcast.forecast.cash_facts import _missing as lacking_of_cash
from funnelcast.forecast.missing_words import _SAID, in_both
from funnelcast.forecast.sales.inputs import _missing as lacking_of_sales
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.terms import AsOf
from tests.unit.forecast.cash_case import company
from tests.unit.forecast.test_hardly_any_deals import CASES, answer

INVOICE = {"invoice_id": ["i"], "contact_id": ["c"], "issued_at": [datetime(2025, 1, 1)], "due_at": [datetime(2025, 2, 1)], "amount": [1.0]}  # noqa: DTZ001
DEAL = {"deal_id": ["d"], "opened_at": [datetime(2025, 1, 1)]}  # noqa: DTZ001


def companies() -> list[Facts]:
    tables = {"invoices": pd.DataFrame(INVOICE), "deals": pd.DataFrame(DEAL)}
    kept = [{}, {"invoices": tables["invoices"]}, {"deals": tables["deals"]}, tables]
    return [from_frames(Source("t", opening_balance=balance), found) for found in kept if found for balance in (None, 1.0)]


def sentences_of_cash() -> set[str]:
    return {
        sentence
        for facts in companies()
        for paid in (0, 9)
        for counted, new, bought in product((False, True), repeat=3)
        for issued in ((0, 10) if facts.has("invoices") else (0,))
        for sentence in lacking_of_cash(facts, issued, paid, counted=counted, any_new=new, purchases_counted=bought)
    } | {*_not_given(company(), None, None, None)}


def all_sentences() -> set[str]:
    as_of = AsOf.parse("2026-01-05", "UTC")
    deals = {sentence for name in CASES for sentence in answer(name)["missing"]}
    return sentences_of_cash() | {*lacking_of_sales((), as_of, "transactions")} | deals


def test_every_sentence_has_its_words_in_both_languages() -> None:
    sentences = all_sentences()
    assert len(sentences) >= 14
    for sentence in sentences:
        told = in_both(sentence)
        assert told["fr"] != sentence, sentence
        assert told["en"][0].isupper() or told["en"][0].isdigit(), sentence
        assert "{" not in told["en"] + told["fr"]


@pytest.mark.parametrize("sentence", [
    "new_deals: no spend is known on the channels of deals, so a change of spend leaves their number as it is",
    "2 of 7 series end more than a year before 2026-01-05 and are left out of the sums: web, store",
])  # fmt: skip
def test_numbers_and_names_are_kept(sentence: str) -> None:
    told = in_both(sentence)
    assert told["fr"] != sentence
    assert all(word in told["fr"] for word in ("2", "7", "web, store") if word in sentence and "series" in sentence)


def test_what_has_no_words_of_its_own_stays() -> None:
    assert in_both("bottom_up: something rare") == {"en": "bottom_up: something rare", "fr": "bottom_up: something rare"}


def test_no_words_are_left_over() -> None:
    """Each pattern belongs to a sentence that a forecast can say, so that a changed sentence is noticed here."""
    said = all_sentences() | {
        "new_deals: no spend is known on the channels of deals, so a change of spend leaves their number as it is",
        "2 of 7 series end more than a year before 2026-01-05 and are left out of the sums: web",
    }
    unused = [pattern for pattern in _SAID if not any(re.fullmatch(pattern, sentence) for sentence in said)]
    assert unused == []
