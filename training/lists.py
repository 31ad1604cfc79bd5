"""Lists of contacts to be worked from the top: from the scores of everyone to the few to contact, with reasons and expected profit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from funnelcast import champions
from funnelcast.champions import Champion
from funnelcast.families.family import Progress
from funnelcast.families.registry import family_of
from funnelcast.journeys import JourneyRules
from funnelcast.settings import Settings
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec, read
from funnelcast.terms import AsOf, Json
from funnelcast.worklist import EXPECTED, LEVEL, SHARES, Campaign, Worklist, expected_profit, rank
from training.belonging import COLUMNS, Belonging, belonging, kinds_of_journey
from training.company import ATTRIBUTION
from training.list_words import assumptions, summary
from training.output import replaced, require_table_file
from training.score import stream
from training.train import default_as_of

REASONS = 3
"""In words, with each contact."""
LANGUAGES = ("en", "fr")


@dataclass(frozen=True)
class Ask:
    """What is asked for; None takes what spec.toml says."""

    model: str
    capacity: int | None = None
    cost: float | None = None
    share: float | None = None
    lang: str = "en"
    out: Path | None = None


def make_list(settings: Settings, facts: Facts, ask: Ask, *, as_of: AsOf | None, progress: Progress) -> dict[str, Json]:
    """Score everyone, and list whom to contact.

    Returns
    -------
    What ``list_document`` gives, with ``lang`` and ``out`` as asked.

    Raises
    ------
    UnknownModel, UsageError
        The model isn't there or makes no lists, or a number can't be.
    NoChampion
        Nothing was promoted yet.
    """
    spec = read(settings.models, ask.model)
    campaign = Campaign.of(spec, ask.capacity, ask.cost, ask.share)
    if ask.out is not None:
        require_table_file(ask.out)
    champion = champions.load(settings, facts.source.name, ask.model, facts.source.path or "FILE")
    as_of = as_of or default_as_of(facts)
    progress(f"scoring by {ask.model}")
    answers = pd.concat(list(stream(settings, facts, champion, as_of)), ignore_index=True)
    document = list_document(settings, facts, champion, answers, campaign, as_of)
    if ask.out is not None:
        _write(ask.out, document, spec.family, ask.lang)
    return {**document, "lang": ask.lang, "out": None if ask.out is None else str(ask.out)}


def list_document(
    settings: Settings, facts: Facts, champion: Champion, answers: pd.DataFrame, campaign: Campaign, as_of: AsOf
) -> dict[str, Json]:
    """List whom to contact, from everyone's answers.

    Returns
    -------
    ``model, version, as_of, currency``; ``capacity, cost_per_contact`` and ``saved_share`` (churn) or ``uplift_share`` (leads); ``size``,
    how many to contact; ``ordered_by``: ``gain``, or ``probability`` where nobody's value is known; ``expected_profit`` of these (mean,
    low, high; null without values) and the ``level`` of its interval; ``curve``: about 100 points (size, profit); ``left_out``: counts of
    opted_out, disqualified, unmatched (no contact of that id) and no_value; ``summary`` and ``assumptions`` by language; ``list``:
    contact_id, probability, low, high, expected_loss or expected_value, gain, grade, reasons (feature, value, effect, text by
    language), and the channel, owner and segment of the contact, null where unknown.
    """
    spec = read(settings.models, champion.about.model)
    known = cut(facts, as_of)
    barred = barred_from_lists(known, answers["contact_id"])
    found = rank(answers[barred.isna()], EXPECTED[spec.family], campaign)
    profit = expected_profit(found.listed, campaign, spec.seed) if found.valued else None
    left_out = {why: int((barred == why).sum()) for why in ("opted_out", "disqualified", "unmatched")}
    return {
        "model": spec.name,
        "version": champion.version,
        "as_of": as_of.isoformat(),
        "currency": facts.source.currency,
        "capacity": campaign.capacity,
        "cost_per_contact": campaign.cost_per_contact,
        SHARES[spec.family]: campaign.share,
        "size": found.size,
        "ordered_by": "gain" if found.valued else "probability",
        "expected_profit": None if profit is None else asdict(profit),
        "level": LEVEL,
        "curve": [{"size": size, "profit": profit} for size, profit in found.thinned()],
        "left_out": {**left_out, "no_value": found.unvalued},
        "summary": summary(found, profit, facts.source.currency),
        "assumptions": assumptions(spec.family, campaign, found, facts.source.currency),
        "list": _listed(
            found, EXPECTED[spec.family], _reasons(known, champion, spec, found, as_of), _belonging(settings, known, found, as_of)
        ),
    }


def barred_from_lists(known: Facts, names: pd.Series) -> pd.Series:
    """Say who is never on a list, and why, as known before the cut; null for everyone else.

    An id that the company's contacts don't hold can't be reached, and whether its owner opted out can't be looked up.
    """
    if not known.has("contacts"):
        return pd.Series(None, index=names.index, dtype=object)
    contacts = known.table("contacts")
    why = ibis.cases((contacts.opted_out_at.notnull(), "opted_out"), (contacts.disqualified_at.notnull(), "disqualified"), else_="")
    found = contacts.select("contact_id", why=why).execute().set_index("contact_id")["why"]
    return names.map(found).fillna("unmatched").replace("", None)


def _reasons(known: Facts, champion: Champion, spec: Spec, found: Worklist, as_of: AsOf) -> list[list[Json]]:
    """Explain each contact of the list, from its features computed once more: keeping everyone's would not fit."""
    names = found.listed["contact_id"].tolist()
    if not names:
        return []
    rows = family_of(spec.family).candidates(known, spec, _cohort(names, as_of), as_of).to_pyarrow().to_pandas()
    inputs = rows.set_index("contact_id").loc[names, list(champion.model.columns)]
    model: Any = champion.model
    by_language = [model.explain(inputs, REASONS, lang) for lang in LANGUAGES]
    return [[_in_both(*both) for both in zip(*told, strict=True)] for told in zip(*by_language, strict=True)]


def _cohort(names: list[str], as_of: AsOf) -> ir.Table:
    stamps = pd.Series([as_of.at] * len(names), dtype="datetime64[us]")
    return ibis.memtable(pd.DataFrame({"contact_id": names, "as_of": stamps}), schema={"contact_id": "string", "as_of": "timestamp"})


def _in_both(english: Any, french: Any) -> dict[str, Json]:
    return {**english.document(), "text": {"en": english.text, "fr": french.text}}


def _belonging(settings: Settings, known: Facts, found: Worklist, as_of: AsOf) -> list[Belonging]:
    """Say where each contact of the list belongs; without segments of the company's own, by the channels that it uses."""
    names = found.listed["contact_id"].tolist()
    if "channel_state" in found.listed:
        states = zip(names, found.listed["channel_state"], strict=True)
        return belonging(known, names, {name: state for name, state in states if isinstance(state, str)})
    rules = JourneyRules(int(read(settings.models, ATTRIBUTION).cohort["lookback_days"]))
    return belonging(known, names, kinds_of_journey(known, names, as_of, rules))


def _listed(found: Worklist, expected: str, reasons: list[list[Json]], where: list[Belonging]) -> list[Json]:
    rows = found.listed[["contact_id", "probability", "low", "high", expected, "gain", "grade"]].astype(object)
    plain = rows.where(rows.notna(), None).to_dict("records")
    return [
        {**{str(name): value for name, value in row.items()}, "reasons": told, **belongs}
        for row, told, belongs in zip(plain, reasons, where, strict=True)
    ]


def _write(out: Path, document: Mapping[str, Any], family: str, lang: str) -> None:
    """Write the list as a CRM imports it: one row per contact with its rank, the reasons as one text."""
    told = [
        {"rank": place, **row, "reasons": "; ".join(reason["text"][lang] for reason in row["reasons"])}
        for place, row in enumerate(document["list"], start=1)
    ]
    columns = ["rank", "contact_id", "probability", "low", "high", EXPECTED[family], "gain", "grade", *COLUMNS, "reasons"]
    frame = pd.DataFrame(told, columns=columns)
    with replaced(out) as beside:
        frame.to_csv(beside, index=False) if out.suffix == ".csv" else frame.to_parquet(beside, index=False)
