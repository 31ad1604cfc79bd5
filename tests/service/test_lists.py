"""Lists worked from the top, of the served company: by the command, in the snapshot, and what they rest on."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from funnelcast.cli import main
from funnelcast.errors import FunnelcastError
from funnelcast.settings import Settings
from funnelcast.sources.as_of import cut
from funnelcast.terminal import show
from funnelcast.terms import AsOf
from tests.service.conftest import Client, Served
from training.lists import REASONS, Ask, make_list
from training.output import replaced
from training.train import default_as_of
from training.values import value_of_contacts, value_of_conversions

EARLIER = "2025-09-01"
Run = Callable[..., tuple[int, str, str]]


def quiet(_: str) -> None:
    """Say nothing of the progress."""


def listed(served: Served, ask: Ask, as_of: str | None = None, home: Settings | None = None) -> Any:
    at = None if as_of is None else AsOf.parse(as_of, served.facts.source.timezone)
    return make_list(home or served.settings, served.facts, ask, as_of=at, progress=quiet)


@pytest.fixture(scope="module")
def everyone(served: Served) -> dict[tuple[str, str | None], Any]:
    """Lists of all who may be contacted, by model and as_of: nothing is too dear, nobody too many."""
    asked = (("churn", None), ("lead_scoring", None), ("churn", EARLIER))
    return {(model, as_of): listed(served, Ask(model, capacity=100_000, cost=0.0), as_of) for model, as_of in asked}


@pytest.fixture
def run(served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `funnelcast list` on the served company: status, stdout and stderr."""
    monkeypatch.setenv("FUNNELCAST_HOME", str(served.settings.home))
    monkeypatch.setenv("FUNNELCAST_THREADS", "1")

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["list", *arguments, "--source", str(served.source)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture(scope="module")
def contacts(served: Served) -> pd.DataFrame:
    """The contacts as the company wrote them, by id."""
    return pd.read_parquet(served.source.parent / "contacts.parquet").set_index("contact_id")


def scored(served: Served, model: str) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(served.snapshot().folder("scores")[f"{model}.parquet"])).set_index("contact_id")


@pytest.mark.parametrize(("model", "expected", "share"), [
    ("churn", "expected_loss", "saved_share"),
    ("lead_scoring", "expected_value", "uplift_share"),
])  # fmt: skip
def test_a_list_is_the_best_of_those_scored(served: Served, model: str, expected: str, share: str) -> None:
    found = listed(served, Ask(model, capacity=40, cost=2.0, share=0.5))
    assert (found["capacity"], found["cost_per_contact"], found[share]) == (40, 2.0, 0.5)
    told, scores = pd.DataFrame(found["list"]), scored(served, model)
    pd.testing.assert_series_equal(told.set_index("contact_id")[expected], scores.loc[told["contact_id"], expected])
    assert told["grade"].tolist() == scores.loc[told["contact_id"], "grade"].tolist()
    assert told["gain"].tolist() == pytest.approx((0.5 * told[expected] - 2).tolist())
    assert told["gain"].is_monotonic_decreasing
    assert 0 < found["size"] == len(told) <= 40
    profit = found["expected_profit"]
    assert profit["mean"] == pytest.approx(told["gain"].sum())
    assert profit["low"] < profit["mean"] < profit["high"]
    assert {point["size"]: point["profit"] for point in found["curve"]}[found["size"]] == pytest.approx(profit["mean"])
    assert found["curve"][-1]["size"] == len(scores) - sum(found["left_out"].values())
    assert all(len(contact["reasons"]) == REASONS for contact in found["list"])


@pytest.mark.parametrize(("model", "as_of"), [("churn", None), ("lead_scoring", None), ("churn", EARLIER)])
def test_who_opted_out_is_never_on_a_list(everyone: dict[Any, Any], contacts: pd.DataFrame, model: str, as_of: str | None) -> None:
    found = everyone[model, as_of]
    at = pd.Timestamp(as_of or "2026-01-01")
    told = contacts.loc[[contact["contact_id"] for contact in found["list"]]]
    assert len(told) > 100
    assert not (told["opted_out_at"] < at).any()
    assert not (told["disqualified_at"] < at).any()
    assert found["left_out"]["opted_out"] > 0
    if as_of:
        assert (told["opted_out_at"] >= at).any(), "who opts out later was still to be contacted"


def test_nobody_else_is_left_out(everyone: dict[Any, Any], served: Served, contacts: pd.DataFrame) -> None:
    found, scores = everyone["churn", None], scored(served, "churn")
    scores = scores.join(contacts[["opted_out_at", "disqualified_at"]])
    stranger = ~scores.index.isin(contacts.index)
    may = scores[scores["opted_out_at"].isna() & scores["disqualified_at"].isna() & ~stranger & (scores["expected_loss"] > 0)]
    assert {contact["contact_id"] for contact in found["list"]} == set(may.index)
    assert found["left_out"]["opted_out"] == scores["opted_out_at"].notna().sum()
    # cards that resolve to no contact: nobody to call, and no telling whether their owners opted out
    assert found["left_out"]["unmatched"] == stranger.sum() > 0


def test_the_command_gives_the_list_that_a_refresh_leaves(run: Run, served: Served, tmp_path: Path) -> None:
    out = tmp_path / "new folder" / "appels.csv"
    status, said, _ = run("churn", "--json", "--lang", "fr", "--out", str(out))
    found, kept = json.loads(said), served.snapshot().document("lists/churn")
    assert status == 0
    assert found == {**kept, "lang": "fr", "out": str(out)}
    written = pd.read_csv(out)
    columns = [
        "rank",
        "contact_id",
        "probability",
        "low",
        "high",
        "expected_loss",
        "gain",
        "grade",
        "channel",
        "owner",
        "segment",
        "reasons",
    ]
    assert written.columns.tolist() == columns
    assert written["rank"].tolist() == list(range(1, kept["size"] + 1))
    assert written["contact_id"].tolist() == [contact["contact_id"] for contact in kept["list"]]
    assert written["reasons"].tolist() == ["; ".join(reason["text"]["fr"] for reason in contact["reasons"]) for contact in kept["list"]]
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_the_table_of_leads_names_its_assumption_and_a_file_holds_it(run: Run, served: Served, tmp_path: Path) -> None:
    out = tmp_path / "calls.parquet"
    status, table, _ = run("lead_scoring", "--out", str(out))
    kept = served.snapshot().document("lists/lead_scoring")
    assert status == 0
    assert "expected profit" in table
    assert "20% of the conversions only come with the contact, which costs 5.00 EUR" in table
    assert kept["list"][0]["contact_id"] in table
    assert pd.read_parquet(out)["contact_id"].tolist() == [contact["contact_id"] for contact in kept["list"]]


def test_the_table_speaks_french(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    show("list", {**served.snapshot().document("lists/churn"), "lang": "fr"})
    table = capsys.readouterr().out.replace("\u202f", " ")
    assert "profit attendu" in table
    assert "désinscrits" in table
    assert "un contact retient 15 % de ceux qui partiraient et coûte 5,00 EUR" in table
    assert "risque de départ" in table


def test_a_list_of_nobody_says_so_and_still_has_its_columns(served: Served, tmp_path: Path) -> None:
    out = tmp_path / "nobody.csv"
    found = listed(served, Ask("churn", cost=1e6, out=out))
    assert (found["size"], found["list"], found["expected_profit"]["mean"]) == (0, [], 0.0)
    assert found["summary"]["en"].startswith("Nobody: none of ")
    assert found["summary"]["fr"].startswith("Personne : pour aucun des ")
    assert pd.read_csv(out).columns.tolist()[:2] == ["rank", "contact_id"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    out = tmp_path / "list.csv"
    out.write_text("yesterday's")

    def fail() -> None:
        with replaced(out) as beside:
            beside.write_text("half of today's")
            raise OSError

    with pytest.raises(OSError):  # noqa: PT011 (any)
        fail()
    assert out.read_text() == "yesterday's"
    assert [path.name for path in tmp_path.iterdir()] == ["list.csv"]


def test_without_values_the_list_goes_by_probability(served: Served, tmp_path: Path) -> None:
    home = served.copied(tmp_path, ("churn", "lead_scoring"))
    for model in ("churn", "lead_scoring"):
        found = listed(served, Ask(model, capacity=10), home=home)
        probabilities = [contact["probability"] for contact in found["list"]]
        assert len(probabilities) == 10 == found["size"]
        assert probabilities == sorted(probabilities, reverse=True)
        assert (found["ordered_by"], found["expected_profit"], found["curve"]) == ("probability", None, [])
        assert "no profit can be told" in found["summary"]["en"]
        assert "aucun profit" in found["summary"]["fr"]


@pytest.mark.parametrize(("ask", "said"), [
    (Ask("nosuch"), "There is no model 'nosuch'; models/ has attribution, churn"),
    (Ask("deal_outcome"), "deal_outcome makes no list of contacts: ask for a model of churn or lead_scoring."),
    (Ask("churn", capacity=0), "A capacity of 0 makes no list: give a whole number above 0 by --capacity"),
    (Ask("churn", out=Path("list.xlsx")), "--out list.xlsx: end the file's name in .parquet or .csv."),
])  # fmt: skip
def test_what_cannot_be_is_said_in_a_sentence(served: Served, ask: Ask, said: str) -> None:
    with pytest.raises(FunnelcastError) as refused:
        listed(served, ask)
    assert str(refused.value).startswith(said)


def test_without_a_champion_the_reason_names_the_command(served: Served, tmp_path: Path) -> None:
    with pytest.raises(FunnelcastError) as refused:
        listed(served, Ask("churn"), home=Settings.read({"FUNNELCAST_HOME": str(tmp_path)}))
    assert "no champion is promoted for the source 'demo' yet. Run `funnelcast train churn --source" in str(refused.value)


def test_a_share_that_cannot_be_ends_the_command_without_a_traceback(run: Run) -> None:
    status, out, err = run("churn", "--share", "1.5", "--json")
    assert (status, out) == (1, "")
    assert "saved_share can't be 1.5: give a share above 0 and at most 1 by --share" in err
    assert "Traceback" not in err


def test_a_capacity_of_nobody_is_wrong_usage(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run("churn", "--capacity", "0")
    assert stopped.value.code == 2
    assert "argument --capacity: 0 is not a whole number above 0" in capsys.readouterr().err


def test_a_conversion_is_worth_what_recent_converts_were(served: Served, contacts: pd.DataFrame) -> None:
    as_of = default_as_of(served.facts)
    known = cut(served.facts, as_of)
    value = value_of_conversions(served.settings, known, as_of)
    clv = value_of_contacts(served.settings, known, as_of)
    assert value is not None
    assert clv is not None
    # once more, in pandas
    bought = known.table("transactions").execute()
    became = contacts["became_customer_at"]
    told = contacts["became_customer_at_known_at"].fillna(became) < as_of.at
    converts = contacts[told & (became >= as_of.plus(-365).at) & (became < as_of.at)]
    since = bought["contact_id"].map(converts["became_customer_at"].dt.normalize())
    spent = bought[bought["occurred_at"] >= since].groupby("contact_id")["amount"].sum()
    worth = spent.reindex(converts.index).fillna(0.0) + clv.reindex(converts.index).fillna(0.0)
    assert value.converts == len(converts) > 50
    assert value.overall == pytest.approx(worth.mean(), rel=1e-9)
    for channel, of_channel in worth.groupby(converts["source_channel"]):
        shrunk = (of_channel.sum() + 20 * worth.mean()) / (len(of_channel) + 20)
        assert value.by_channel[str(channel)] == pytest.approx(shrunk, rel=1e-9)


def test_no_later_fact_enters_the_value_of_a_conversion(served: Served) -> None:
    zone = served.facts.source.timezone
    earlier = AsOf.parse(EARLIER, zone)
    then = value_of_conversions(served.settings, cut(served.facts, earlier), earlier)
    truncated = cut(cut(served.facts, earlier.plus(30)), earlier)
    assert value_of_conversions(served.settings, truncated, earlier) == then
    assert then != value_of_conversions(served.settings, cut(served.facts, earlier.plus(30)), earlier.plus(30))


def test_a_looked_up_lead_has_its_expected_value_and_the_grade_of_the_service(client: Client, served: Served) -> None:
    frame = scored(served, "lead_scoring")
    assert frame["expected_value"].gt(0).all()
    ranks = frame["expected_value"].rank(pct=True)
    assert frame["grade"][ranks > 0.92].eq("A").all()
    assert frame["grade"][ranks < 0.18].eq("E").all()
    name = str(frame["expected_value"].idxmax())
    answer = client.answer(f"/v1/contacts/{name}")["scores"]["lead_scoring"]
    assert answer["grade"] == "A"
    assert answer["expected_value"] == frame.loc[name, "expected_value"]


def test_what_isnt_known_of_a_lead_is_valued_at_the_common_mean(client: Client, served: Served, person: dict[str, Any]) -> None:
    table = served.snapshot().document("conversion_value")
    lead = {key: person[key] for key in ("created_at", "touchpoints")}
    channel = min(table["by_channel"])
    people = [
        {**lead, "contact_id": "known", "source_channel": channel},
        {**lead, "contact_id": "unheard of", "source_channel": "a channel that brought nobody"},
        {**lead, "contact_id": "not told"},
    ]
    scores = client.answer("/v1/leads/score", {"contacts": people, "as_of": "2025-06-01"})["scores"]
    values = [table["by_channel"][channel], table["overall"], table["overall"]]
    for score, value in zip(scores, values, strict=True):
        assert score["expected_value"] == pytest.approx(score["probability"] * value, rel=1e-12)


def test_each_version_says_how_many_its_list_finds(served: Served) -> None:
    for model in ("churn", "lead_scoring"):
        found = served.champion(model).about.metrics["found_at_capacity"]
        assert 0 < found <= served.snapshot().document(f"lists/{model}")["capacity"]
