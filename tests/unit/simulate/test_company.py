"""The simulated company as its tables show it: the same bytes again, consistent with itself, and read back as it was."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from funnelcast.errors import UsageError
from funnelcast.simulate import Company, World, simulate
from funnelcast.simulate import company as simulated
from funnelcast.simulate.world import KINDS, OFFLINE
from funnelcast.sources.check import check
from funnelcast.sources.facts import Facts
from funnelcast.sources.open import open_source
from funnelcast.sources.schema import TABLES

START = datetime.fromisoformat("2023-01-01")
END = datetime.fromisoformat("2026-01-01")


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("company"), contacts=2_000, seed=1)


def test_same_seed_same_bytes(written: Path, tmp_path: Path) -> None:
    assert digests(simulate(tmp_path, contacts=2_000, seed=1).parent) == digests(written.parent)


def test_another_seed_is_another_company(written: Path, tmp_path: Path) -> None:
    other = digests(simulate(tmp_path, contacts=2_000, seed=2).parent)
    assert [name for name, digest in digests(written.parent).items() if other[name] == digest] == []


def test_the_files_are_those_that_source_and_truth_name(written: Path) -> None:
    truth = json.loads((written.parent / "truth.json").read_text())
    tables = {
        f"{name}.parquet" for name in TABLES if name not in {"sales", "journeys", "promotions"}
    }  # totals aren't needed, and it runs none
    assert {path.name for path in written.parent.iterdir()} == tables | {"source.toml", "truth.json"} | set(truth["files"].values())


@pytest.fixture(scope="module")
def opened(written: Path) -> Facts:
    return open_source(written)


def test_the_written_company_opens_as_the_one_in_memory(opened: Facts, company: Company) -> None:
    held = company.facts()
    assert set(opened.tables) == set(held.tables)
    assert opened.observed_until == held.observed_until
    for name, table in held.tables.items():
        columns = list(table.columns)
        ours, theirs = (
            frame.sort_values(columns).reset_index(drop=True) for frame in (table.execute(), opened.table(name).execute()[columns])
        )
        pd.testing.assert_frame_equal(ours, theirs, check_dtype=False)
    assert (opened.source.name, opened.source.currency, opened.source.offline) == ("demo", "EUR", frozenset(OFFLINE))
    assert (opened.source.opening_balance, opened.source.floor) == (held.source.opening_balance, held.source.floor)
    assert dict(opened.source.engagement) == dict(held.source.engagement)


def test_the_data_report_has_no_error(opened: Facts) -> None:
    assert [finding.document() for finding in check(opened) if finding.level == "error"] == []


def test_part_of_the_offline_facts_arrive_under_an_identity(written: Path, company: Company) -> None:
    identities = set(company.tables["identities"]["identity"].to_pylist())
    contacts = set(company.tables["contacts"]["contact_id"].to_pylist())
    for name, resolved in ((name, company.tables[name]) for name in ("touchpoints", "transactions")):
        exported = pq.read_table(written.parent / f"{name}.parquet").to_pandas()
        offline = exported.channel.isin(OFFLINE)
        assert exported[~offline].contact_id.isin(contacts).all()
        assert 0.15 < exported[offline].contact_id.isin(identities).mean() < 0.55
        unmatched = ~exported.contact_id.isin(contacts | identities)
        assert 0 < unmatched[offline].mean() < 0.03
        assert unmatched.sum() == (~resolved.to_pandas().contact_id.isin(contacts)).sum()


def test_facts_stop_with_the_last_observed_day(company: Company) -> None:
    for name, table in company.tables.items():
        stamps = [column for column in table.column_names if pa.types.is_timestamp(table.schema.field(column).type)]
        for column in set(stamps) - {"due_at", "expected_close_at"} if name != "cash_items" else set():
            assert (pc.max(table[column]).as_py() or START) < END, (name, column)
    assert pc.max(company.tables["touchpoints"]["occurred_at"]).as_py() > datetime.fromisoformat("2025-12-31")
    planned = company.tables["cash_items"]["date"].to_pandas()
    assert planned.min() < pd.Timestamp("2023-03-01")
    assert planned.max() > pd.Timestamp("2026-12-01")


def test_a_customer_is_whoever_bought_and_since_the_first_purchase(company: Company) -> None:
    transactions = company.tables["transactions"].to_pandas().sort_values("occurred_at")
    contacts = company.tables["contacts"].to_pandas().set_index("contact_id")
    first = transactions[transactions.contact_id.isin(contacts.index)].drop_duplicates("contact_id").set_index("contact_id")
    became = contacts.became_customer_at.dropna()
    pd.testing.assert_series_equal(became.sort_index(), first.occurred_at.sort_index(), check_names=False)
    late = contacts.became_customer_at_known_at.dropna()
    pd.testing.assert_series_equal(late.sort_index(), first.known_at.dropna().sort_index(), check_names=False)
    assert (contacts.loc[became.index, "created_at"] < became).all()
    assert contacts.loc[became.index, "disqualified_at"].isna().all()


def test_known_late_only_what_happens_offline(company: Company) -> None:
    for name in ("touchpoints", "transactions"):
        facts = company.tables[name].to_pandas()
        late = facts.known_at.notna()
        assert set(facts[late].channel) == set(OFFLINE) - ({"event"} if name == "transactions" else set())
        delay = (facts.known_at - facts.occurred_at)[late].dt.total_seconds() / 86_400
        assert delay.between(0.499, World().late_days).all()
        share = late[facts.channel.isin(OFFLINE)].mean()
        assert 0.17 < share < 0.30
    events = company.tables["deal_events"].to_pandas()
    assert (events.known_at.dropna() >= events.occurred_at[events.known_at.notna()]).all()


def test_every_kind_channel_and_stage_happens(company: Company) -> None:
    touches = company.tables["touchpoints"].to_pandas()
    assert set(touches.kind) == {kind.name for kind in KINDS}
    assert set(touches.channel) == {"web", "search", "social", "email", "store", "phone", "event"}
    timed = {kind.name for kind in KINDS if kind.minutes}
    assert set(touches[touches.duration_minutes.notna()].kind) == timed
    scored = touches[touches.score.notna()].groupby("kind").score.agg(["min", "max"])
    assert scored.loc["nps"].between(0, 10).all()
    assert scored.loc["csat"].between(1, 5).all()
    assert scored.loc["ces"].between(1, 7).all()
    assert set(company.tables["deal_events"]["stage"].to_pylist()) == {"qualification", "proposal", "negotiation", "won", "lost"}


def test_nobody_who_opted_out_opens_mail(company: Company) -> None:
    contacts = company.tables["contacts"].to_pandas().set_index("contact_id")
    touches = company.tables["touchpoints"].to_pandas()
    mail = touches[(touches.channel == "email") & touches.contact_id.isin(contacts.index)]
    mail = mail[mail.occurred_at > contacts.created_at.reindex(mail.contact_id).to_numpy()]
    opted_out = contacts.opted_out_at.reindex(mail.contact_id).to_numpy()
    assert contacts.opted_out_at.notna().sum() > 50
    assert not (mail.occurred_at.to_numpy() >= opted_out).any()


def test_deals_and_their_history_agree(company: Company) -> None:
    deals = company.tables["deals"].to_pandas().set_index("deal_id")
    events = company.tables["deal_events"].to_pandas().sort_values(["deal_id", "occurred_at"])
    last, first = events.groupby("deal_id").last(), events.groupby("deal_id").first()
    assert set(last.index) == set(deals.index)
    ended = last[last.stage.isin(["won", "lost"])]
    assert (deals.outcome.dropna().sort_index() == ended.stage.sort_index()).all()
    assert (deals.loc[ended.index, "closed_at"] == ended.occurred_at).all()
    assert (deals.opened_at.sort_index() == first.occurred_at.sort_index()).all()
    assert (deals.amount.sort_index() == first.amount.sort_index()).all()
    won = deals[deals.outcome == "won"]
    assert (won.closed_amount == ended.amount.reindex(won.index)).all()
    assert (deals[deals.outcome == "lost"].closed_amount == 0).all()
    assert events.groupby("deal_id").expected_close_at.nunique().max() > 2


def test_invoices_of_a_deal_add_up_to_it_with_vat(company: Company) -> None:
    deals = company.tables["deals"].to_pandas().set_index("deal_id")
    invoices = company.tables["invoices"].to_pandas()
    billed = invoices.dropna(subset="deal_id").groupby("deal_id").agg(amount=("amount", "sum"), parts=("amount", "size"))
    whole = billed.join(deals.closed_amount)
    finished = whole[(whole.parts == 2) | (whole.closed_amount < 3000)]
    assert len(finished) > 50
    assert np.allclose(finished.amount, 1.2 * finished.closed_amount, atol=0.011)
    assert (invoices.due_at > invoices.issued_at).all()
    assert (invoices.paid_at.dropna() > invoices.issued_at[invoices.paid_at.notna()]).all()


def test_shops_are_shut_on_sundays_and_busy_before_christmas(company: Company) -> None:
    transactions = company.tables["transactions"].to_pandas()
    store = transactions[transactions.channel == "store"]
    assert (store.occurred_at.dt.dayofweek != 6).all()
    monthly = transactions[transactions.occurred_at.dt.year == 2025].groupby(transactions.occurred_at.dt.month).amount.sum()
    assert monthly[12] > 1.3 * monthly[8]


def test_ten_thousand_contacts_have_lifelike_sizes() -> None:
    large = simulated(contacts=10_000, seed=0)
    rows = {name: table.num_rows for name, table in large.tables.items()}
    assert 2_800 <= pc.count(large.tables["contacts"]["became_customer_at"]).as_py() <= 4_000
    assert 11 <= rows["touchpoints"] / 10_000 <= 17
    assert 15_000 <= rows["transactions"] <= 25_000
    assert 1_600 <= rows["deals"] <= 2_500
    assert 4_000 <= rows["invoices"] <= 8_000
    assert pc.count_distinct(large.tables["contacts"]["contact_id"]).as_py() == 10_000
    assert pc.count_distinct(large.tables["transactions"]["transaction_id"]).as_py() == rows["transactions"]


def test_short_histories_end_on_the_same_day() -> None:
    small = simulated(contacts=300, seed=3, months=7)
    assert pc.min(small.tables["contacts"]["created_at"]).as_py() >= datetime.fromisoformat("2025-06-01")
    assert pc.max(small.tables["touchpoints"]["occurred_at"]).as_py() > datetime.fromisoformat("2025-12-30")


def test_a_broken_run_leaves_nothing(tmp_path: Path) -> None:
    def stop(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path, contacts=200, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_company_needs_contacts_and_months() -> None:
    with pytest.raises(UsageError, match="contacts=0, months=36"):
        simulated(contacts=0)


def test_a_company_of_one_contact() -> None:
    tables = simulated(contacts=1, seed=5).tables
    assert tables["contacts"].num_rows == 1
    assert tables["touchpoints"].num_rows >= 1
