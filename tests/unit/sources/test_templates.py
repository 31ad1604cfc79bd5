"""Templates of source.toml: samples in each system's own layout, read as worked out by hand, and a simulated company, read as it is."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from funnelcast.cli import main
from funnelcast.errors import BadSourceFile, BadValues, NotFound, UsageError
from funnelcast.simulate import Company
from funnelcast.simulate import company as simulated
from funnelcast.simulate.exports import write_exports
from funnelcast.sources import template
from funnelcast.sources.check import report
from funnelcast.sources.facts import Facts, Finding
from funnelcast.sources.open import open_source

SAMPLES = Path(__file__).with_name("samples")
CONTACTS = ("contact_id", "created_at", "source_channel", "became_customer_at", "disqualified_at", "opted_out_at", "country")
TOUCHES = ("contact_id", "occurred_at", "channel", "kind", "campaign", "duration_minutes")
DEALS = ("deal_id", "contact_id", "opened_at", "amount", "owner", "channel", "closed_at", "outcome", "closed_amount")
EVENTS = ("deal_id", "occurred_at", "stage", "amount", "expected_close_at")
SALES = ("contact_id", "occurred_at", "amount", "channel")
_TALKS = ("call", "meeting")
SCHEMA = """{
    event_date: 'varchar', event_timestamp: 'bigint', event_name: 'varchar',
    event_params: 'struct(key varchar, value struct(string_value varchar, int_value bigint, double_value double))[]',
    user_id: 'varchar', user_pseudo_id: 'varchar',
    collected_traffic_source: 'struct(manual_source varchar, manual_medium varchar, manual_campaign_name varchar, gclid varchar)'
}"""


@pytest.fixture
def sample(tmp_path: Path) -> Callable[..., Path]:
    """Write a template as the command does, with its sample beside it."""

    def write(*names: str) -> Path:
        source = template.write(names, tmp_path / "acme")
        for name in names:
            shutil.copytree(SAMPLES / name, source.parent, dirs_exist_ok=True)
        if "ga4" in names:
            rows = duckdb.sql(f"from read_json('{SAMPLES / 'ga4' / 'events.jsonl'}', columns = {SCHEMA})")
            rows.to_parquet(str(source.parent / "events_20250330.parquet"))
        return source

    return write


@pytest.fixture(scope="module")
def small() -> Company:
    return simulated(contacts=300, seed=5)


def cells(facts: Facts, table: str, *columns: str) -> list[tuple[str, ...]]:
    """Give a table as text, sorted; nothing is ``-``, and a midnight a day."""
    frame = facts.tables[table].select(*columns).execute()
    return sorted(tuple(_cell(value) for value in row) for row in frame.itertuples(index=False, name=None))


def _cell(value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]  # any scalar
        return "-"
    return f"{value:g}" if isinstance(value, float) else str(value).removesuffix(" 00:00:00").removesuffix(":00")


def written(text: str) -> list[tuple[str, ...]]:
    """Read expected cells: one row a line."""
    return sorted(tuple(cell.strip() for cell in line.split("|")) for line in text.strip().splitlines())


def problems(findings: Iterable[Finding]) -> list[tuple[str, str, int]]:
    return sorted((finding.level, finding.table, finding.count) for finding in findings if finding.level != "note")


def test_hubspot_is_read_as_worked_out_by_hand(sample: Callable[..., Path]) -> None:
    source = sample("hubspot")
    facts = open_source(source, threads=1)
    assert problems(facts.findings) == problems(report(source, threads=1)) == [("warning", "transactions", 1)]  # an e-mail of two contacts
    assert facts.source.name == "acme"
    assert cells(facts, "contacts", *CONTACTS) == written("""
        101 | 2025-01-06 09:14 | Organic Search  | 2025-02-20 11:02 | -                | -                | France
        102 | 2025-01-08 15:40 | Paid Search     | 2025-03-03 09:00 | -                | -                | France
        103 | 2025-01-20 08:05 | Offline Sources | -                | -                | -                | France
        104 | 2025-02-01 12:00 | Paid Social     | -                | 2025-03-01 16:45 | -                | Belgium
        105 | 2025-02-03 10:30 | Email Marketing | 2025-02-28 17:20 | -                | 2025-04-05 07:15 | Belgium
        106 | 2025-02-14 18:22 | Direct Traffic  | -                | -                | -                | -
        107 | 2025-03-02 11:11 | Referrals       | -                | -                | -                | Switzerland
        108 | 2025-03-09 20:00 | -               | -                | -                | -                | -
        109 | 2025-04-01 09:00 | Organic Search  | -                | -                | -                | -
        110 | 2025-04-02 09:00 | Organic Search  | -                | -                | -                | -
    """)
    assert [row for row in cells(facts, "touchpoints", *TOUCHES) if row[3] != "first source"] == written("""
        101 | 2025-01-09 09:30 | phone   | call    | - | -
        101 | 2025-02-25 10:00 | phone   | call    | - | -
        102 | 2025-01-12 10:00 | phone   | call    | - | -
        102 | 2025-02-25 10:00 | phone   | call    | - | -
        104 | 2025-02-10 14:00 | meeting | meeting | - | -
    """)
    first = {row for row in cells(facts, "touchpoints", *TOUCHES) if row[3] == "first source"}
    assert first == {(*row[:3], "first source", "-", "-") for row in cells(facts, "contacts", *CONTACTS) if row[2] != "-"}
    assert cells(facts, "deals", *DEALS) == written("""
        501 | 101 | 2025-01-10 10:00 | 12500 | Sam Sales | Organic Search | 2025-02-20 11:00 | won  | 12500
        502 | 102 | 2025-02-25 09:00 | 800.5 | Sam Sales | Paid Search    | 2025-03-03 09:00 | won  | 800.5
        503 | 102 | 2025-05-15 16:00 | 4000  | Ina Sales | Paid Search    | -                | -    | -
        504 | 104 | 2025-02-02 08:00 | 30000 | Ina Sales | Paid Social    | 2025-03-01 16:40 | lost | -
        505 | 106 | 2025-06-19 10:00 | -     | -         | Direct Traffic | -                | -    | -
        506 | -   | 2025-06-21 10:00 | 150   | -         | -              | -                | -    | -
    """)
    assert cells(facts, "deal_events", *EVENTS[:3]) == written("""
        501 | 2025-01-10 10:00 | Appointment Scheduled
        501 | 2025-02-01 14:30 | Contract Sent
        501 | 2025-02-20 11:00 | won
        502 | 2025-02-25 09:00 | Appointment Scheduled
        502 | 2025-03-03 09:00 | won
        503 | 2025-05-15 16:00 | Appointment Scheduled
        503 | 2025-06-01 09:00 | Contract Sent
        504 | 2025-02-02 08:00 | Appointment Scheduled
        504 | 2025-03-01 16:40 | lost
        505 | 2025-06-19 10:00 | Appointment Scheduled
        506 | 2025-06-21 10:00 | created
    """)
    assert cells(facts, "transactions", *SALES) == written("""
        101                 | 2025-03-10 | 120  | store
        102                 | 2025-03-15 | 60.5 | web
        102                 | 2025-05-02 | 45   | store
        105                 | 2025-02-28 | 89.9 | web
        105                 | 2025-04-01 | -20  | web
        shared@team.example | 2025-04-20 | 15   | web
    """)


def test_salesforce_is_read_as_worked_out_by_hand(sample: Callable[..., Path]) -> None:
    source = sample("salesforce")
    facts = open_source(source, threads=1)
    assert problems(facts.findings) == []
    c, q, o = "003{:012d}AAA", "00Q{:012d}AAA", "006{:012d}AAA"  # times were UTC
    assert cells(facts, "contacts", *CONTACTS) == written(f"""
        {c.format(1)} | 2025-01-06 09:14 | Web            | 2025-02-20 11:02 | -                | -                | France
        {c.format(2)} | 2025-01-08 15:40 | Web            | -                | -                | -                | France
        {c.format(3)} | 2025-02-10 10:00 | -              | -                | -                | 2025-04-05 07:15 | France
        {q.format(2)} | 2025-02-01 12:00 | Purchased List | -                | 2025-03-01 16:45 | -                | Belgium
        {q.format(3)} | 2025-03-30 01:30 | Web            | -                | -                | 2025-05-01 12:00 | -
    """)
    assert cells(facts, "touchpoints", *TOUCHES) == written(f"""
        {c.format(1)} | 2025-01-09 09:30 | phone      | call       | -                    | -
        {c.format(1)} | 2025-03-05       | Webinar    | webinar    | Spring webinar; 2025 | -
        {c.format(2)} | 2025-01-08 15:40 | Trade Show | trade show | Lyon fair            | -
        {c.format(2)} | 2025-01-12       | email      | email      | -                    | -
        {q.format(2)} | 2025-02-10 14:00 | meeting    | meeting    | -                    | 45
    """)
    owner = "005{:012d}AAA"
    assert cells(facts, "deals", *DEALS) == written(f"""
        {o.format(1)} | {c.format(1)} | 2025-01-10 10:00 | 12500 | {owner.format(1)} | Web | 2025-02-20 11:02 | won  | 12000
        {o.format(2)} | {c.format(2)} | 2025-02-01 09:00 | 3500  | {owner.format(2)} | Web | -                | -    | -
        {o.format(3)} | -             | 2025-02-02 08:00 | 30000 | {owner.format(1)} | -   | 2025-03-01 16:45 | lost | -
    """)
    assert cells(facts, "deal_events", *EVENTS) == written(f"""
        {o.format(1)} | 2025-01-10 10:00 | Prospecting          | 12500 | 2025-03-31
        {o.format(1)} | 2025-02-01 14:30 | Negotiation/Review   | 12500 | 2025-02-28
        {o.format(1)} | 2025-02-20 11:02 | won                  | 12000 | -
        {o.format(2)} | 2025-02-01 09:00 | Prospecting          | 3500  | 2025-06-30
        {o.format(2)} | 2025-06-01 09:00 | Proposal/Price Quote | 4000  | 2025-07-31
        {o.format(3)} | 2025-02-02 08:00 | Prospecting          | 30000 | 2025-06-30
        {o.format(3)} | 2025-03-01 16:45 | lost                 | -     | -
    """)
    assert cells(facts, "transactions", *SALES) == written(f"""
        {c.format(1)} | 2025-03-10 | 120  | store
        {c.format(2)} | 2025-03-15 | 60.5 | web
    """)
    merged = {row[0]: row[1] for row in cells(facts, "identities", "identity", "contact_id")}
    assert (merged[c.format(9)], merged[q.format(1)], merged["dan@shop.example"]) == (c.format(2), c.format(2), q.format(2))


def test_pipedrive_is_read_as_worked_out_by_hand(sample: Callable[..., Path]) -> None:
    source = sample("pipedrive")
    facts = open_source(source, threads=1)
    assert problems(facts.findings) == [("warning", "touchpoints", 1)]  # a name that two people have
    assert cells(facts, "contacts", *CONTACTS) == written("""
        1 | 2025-01-06 09:14 | - | 2025-02-20 11:02 | - | -                | France
        2 | 2025-01-08 15:40 | - | -                | - | -                | France
        3 | 2025-01-20 08:05 | - | -                | - | 2025-04-05 07:15 | -
        4 | 2025-02-01 12:00 | - | -                | - | -                | Belgium
        5 | 2025-02-03 10:30 | - | -                | - | -                | -
    """)
    assert cells(facts, "touchpoints", *TOUCHES) == written("""
        1         | 2025-01-09 09:30 | phone   | call    | - | 15
        2         | 2025-02-10       | meeting | meeting | - | -
        Same Name | 2025-02-11 10:00 | phone   | call    | - | -
    """)
    assert cells(facts, "deals", *DEALS) == written("""
        11 | 1 | 2025-01-10 10:00 | 12500 | Sam Sales | - | 2025-02-20 11:02 | won  | 12500
        12 | 2 | 2025-05-15 16:00 | 800.5 | Sam Sales | - | -                | -    | -
        13 | 4 | 2025-02-02 08:00 | 30000 | Ina Sales | - | 2025-03-01 16:45 | lost | -
        14 | - | 2025-06-19 10:00 | 0     | -         | - | -                | -    | -
    """)
    assert cells(facts, "deal_events", *EVENTS[:3])[:2] == written("11 | 2025-01-10 10:00 | open\n11 | 2025-02-20 11:02 | won")
    assert cells(facts, "transactions", *SALES) == written("1 | 2025-03-10 | 120 | store\n2 | 2025-03-15 | 60.5 | web")


def test_visits_of_ga4_find_the_contacts_of_a_crm(sample: Callable[..., Path]) -> None:
    source = sample("hubspot", "ga4")
    facts = open_source(source, threads=1)
    assert problems(facts.findings) == [("warning", "touchpoints", 1), ("warning", "transactions", 1)]
    visits = [row for row in cells(facts, "touchpoints", *TOUCHES, "known_at") if row[3] in {"visit", "download", "quote_request"}]
    assert visits == written("""
        101    | 2025-03-10 10:00 | search   | visit         | -      | 1.5 | 2025-03-12 10:01
        101    | 2025-03-12 10:00 | paid     | visit         | Spring | -   | 2025-03-12 10:01
        101    | 2025-03-12 10:01 | paid     | quote_request | Spring | -   | 2025-03-12 10:01
        102    | 2025-03-13 10:00 | email    | visit         | -      | -   | 2025-03-13 10:00
        102    | 2025-03-13 10:01 | email    | download      | -      | -   | 2025-03-13 10:01
        104    | 2025-03-14 10:00 | referral | visit         | -      | -   | 2025-03-14 10:00
        105    | 2025-03-15 10:00 | social   | visit         | -      | -   | 2025-03-15 10:00
        shared | 2025-03-30 01:30 | direct   | visit         | -      | -   | 2025-03-30 01:30
    """)
    assert len(facts.tables["contacts"].execute()) == 10


@pytest.mark.parametrize(
    ("name", "file"),
    [("hubspot", "hubspot-crm-exports-all-deals-2025-06-30.csv"), ("pipedrive", "deals.csv"), ("salesforce", "Opportunity.csv")],
)
def test_amounts_in_two_currencies_are_refused(sample: Callable[..., Path], name: str, file: str) -> None:
    source = sample(name)
    path = source.parent / file
    path.write_text(path.read_text(encoding="utf-8").replace("EUR", "USD", 1), encoding="utf-8")
    with pytest.raises(BadValues, match=r"1 of \d+ rows are in another currency than EUR; first: USD 1 times"):
        open_source(source, threads=1)


@pytest.mark.parametrize(("name", "contacts", "deals"), [("hubspot", 10, 6), ("pipedrive", 5, 4), ("salesforce", 5, 3)])
def test_columns_that_an_export_can_lack_are_empty(sample: Callable[..., Path], name: str, contacts: int, deals: int) -> None:
    source = sample(name)
    optional = {"Original Traffic Source", "Lead Status", "Unsubscribed from all email", "Merged Contact IDs", "Currency", "Deal Type",
                "HasOptedOutOfEmail", "LeadSource", "CurrencyIsoCode", "MailingCountry", "FirstRespondedDate", "MasterRecordId",
                "Person - Marketing status", "Deal - Contact person ID", "Activity - Due time", "Deal - Pipeline"}  # fmt: skip
    for path in source.parent.glob("*.csv"):
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        kept = [column for column in frame if column not in optional and not str(column).startswith("Date entered")]
        frame[kept].to_csv(path, index=False)
    facts = open_source(source, threads=1)
    assert len(cells(facts, "contacts", "contact_id")) == contacts
    assert len(cells(facts, "deals", "deal_id")) == deals
    assert set(cells(facts, "contacts", "opted_out_at")) == {("-",)}


@pytest.mark.parametrize("names", [("hubspot",), ("pipedrive",), ("salesforce",), ("hubspot", "ga4")], ids="+".join)
def test_a_simulated_company_comes_back_out_of_its_exports(names: tuple[str, ...], small: Company, tmp_path: Path) -> None:
    source = template.write(names, tmp_path / "acme")
    files = write_exports(small, source.parent, names)
    assert sorted(path.name for path in source.parent.iterdir()) == sorted([*(path.name for path in files), "source.toml"])
    facts = open_source(source, threads=1)
    assert [found[:2] for found in problems(facts.findings)] == ([("warning", "touchpoints")] if "ga4" in names else [])
    true = {name: table.to_pandas() for name, table in small.tables.items()}
    contacts, deals = facts.tables["contacts"].execute(), facts.tables["deals"].execute()
    assert len(contacts) == 300
    assert contacts.opted_out_at.notna().sum() == true["contacts"].opted_out_at.notna().sum()
    assert deals.outcome.value_counts().to_dict() == true["deals"].outcome.value_counts().to_dict()
    assert deals.closed_amount.sum() == pytest.approx(true["deals"].closed_amount.sum())
    known = true["transactions"].merge(true["contacts"], on="contact_id")
    assert facts.tables["transactions"].amount.sum().execute() == pytest.approx(known.amount.sum())
    assert facts.tables["transactions"].contact_id.nunique().execute() == known.contact_id.nunique()
    touches, true_touches = facts.tables["touchpoints"].execute(), true["touchpoints"].merge(true["contacts"], on="contact_id")
    assert touches.kind.isin(_TALKS).sum() == true_touches.kind.isin(_TALKS).sum()
    if "ga4" in names:
        online = true_touches[true_touches.channel.isin(["search", "social", "web"])]
        for kind in ("download", "quote_request"):
            assert (touches.kind == kind).sum() == (online.kind == kind).sum()


def test_an_export_that_is_missing_is_named_with_what_to_do(sample: Callable[..., Path]) -> None:
    source = sample("salesforce")
    (source.parent / "Task.csv").unlink()
    with pytest.raises(BadSourceFile, match=r"\[tables\.touchpoints\] sql fails: .*Task\.csv.* leave the section out"):
        open_source(source, threads=1)


def test_of_several_exports_of_hubspot_the_newest_counts(sample: Callable[..., Path]) -> None:
    source = sample("hubspot")
    for path in list(source.parent.glob("hubspot-*.csv")):
        older = path.read_text(encoding="utf-8").replace("2025-0", "2024-0")
        path.with_name(path.name.replace("2025-06-30", "2025-06-23")).write_text(older, encoding="utf-8")
    facts = open_source(source, threads=1)
    for table, count in (("contacts", 10), ("deals", 6), ("touchpoints", 14), ("deal_events", 11)):
        known = cells(facts, table, "known_at")
        assert (len(known), {at[:4] for (at,) in known}) == (count, {"2025"})


def test_what_is_there_already_stays(small: Company, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "sales.csv").write_text("mine")
    assert main(["template", "hubspot", "--out", str(folder), "--sample"]) == 1
    assert "sales.csv is there already" in capsys.readouterr().err
    with pytest.raises(UsageError, match=r"sales\.csv is there already"):
        write_exports(small, folder, ["hubspot"])
    assert [path.name for path in folder.iterdir()] == ["sales.csv"]
    assert (folder / "sales.csv").read_text() == "mine"
    source = template.write(["hubspot"], folder)
    with pytest.raises(UsageError, match=r"source\.toml is there already"):
        template.write(["ga4"], folder)
    assert source.read_text(encoding="utf-8") == template.composed(["hubspot"])


def test_the_command_lists_what_there_is_and_says_what_to_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["template"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in template.names())
    assert main(["template", "pipedrive", "--out", str(tmp_path / "acme")]) == 0
    said = capsys.readouterr().out
    assert "Tools and apps > Export data" in said
    assert f"funnelcast check --source {tmp_path / 'acme' / 'source.toml'}" in said.replace("\n", "")
    assert main(["template", "pipedrive"]) == 1
    assert "--out DIR" in capsys.readouterr().err


def test_templates_are_named_and_the_folder_names_the_company(tmp_path: Path) -> None:
    assert template.names() == ("ga4", "hubspot", "pipedrive", "salesforce")
    with pytest.raises(NotFound, match=r"no template 'zoho'\. There are ga4, hubspot, pipedrive, salesforce"):
        template.write(["zoho"], tmp_path / "acme")
    assert not (tmp_path / "acme").exists()
    for folder, company in (("maison-9", "maison-9"), ("Müller & Co", "acme")):
        text = template.write(["ga4"], tmp_path / folder).read_text(encoding="utf-8")
        assert tomllib.loads(text)["source"]["name"] == company
    assert template.guide("hubspot")[0] == "HubSpot: what to export, and where to put it."


def test_two_systems_that_bring_the_same_table_are_read_together() -> None:
    one, two, both = (tomllib.loads(template.composed(names)) for names in (["hubspot"], ["ga4"], ["hubspot", "ga4"]))
    assert set(both["tables"]) == set(one["tables"]) | set(two["tables"])
    assert both["channels"] == one["channels"]
    assert {name: table for name, table in both["tables"].items() if name != "touchpoints"} == {
        name: table for name, table in one["tables"].items() if name != "touchpoints"
    }
    assert template.composed(["hubspot", "hubspot"]).strip() == template.text("hubspot").strip()
