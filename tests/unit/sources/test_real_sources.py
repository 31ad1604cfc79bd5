"""Public data sets open as their description says; figures from the README beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from funnelcast.errors import SourceError
from funnelcast.sources.facts import Facts
from funnelcast.sources.open import open_source
from tests.unit.sources.company import Company

CDNOW = """[tables.transactions]
path = "DATA/cdnow/CDNOW_sample.csv"
columns = { contact_id = "sample_id", occurred_at = "date", amount = "dollar_value" }
date_format = "%Y%m%d"
"""
DEALS = """[tables.deals]
sql = \"\"\"
  select s.opportunity_id as deal_id, s.sales_agent as owner, s.product as product,
         s.engage_date as opened_at, s.close_date as closed_at, s.deal_stage as outcome,
         p.sales_price as amount, case when s.deal_stage = 'Won' then s.close_value end as closed_amount
  from read_csv('DATA/crm_sales_opportunities/sales_pipeline.csv') s
  left join read_csv('DATA/crm_sales_opportunities/products.csv') p on replace(p.product, ' ', '') = replace(s.product, ' ', '')
  where s.engage_date is not null
\"\"\"
"""
INVOICES = """[tables.invoices]
path = "DATA/ibm_accounts_receivable/WA_Fn-UseC_-Accounts-Receivable.csv"
[tables.invoices.columns]
invoice_id = "invoiceNumber"
contact_id = "customerID"
issued_at = "InvoiceDate"
due_at = "DueDate"
amount = "InvoiceAmount"
paid_at = "SettledDate"
"""
M3 = """[tables.sales]
path = "DATA/m3_monthly_micro/m3_monthly_micro.csv.gz"
columns = { series = "sn", date = "date", amount = "value" }
filter = "part = 'train'"
"""


def opened(company: Company, data: Path, toml: str) -> Facts:
    return open_source(company.source(toml.replace("DATA", str(data)), timezone="UTC"), threads=1)


@pytest.mark.parametrize("declared", [True, False])
def test_cdnow(company: Company, real_data: Path, declared: bool) -> None:
    facts = opened(company, real_data, CDNOW if declared else CDNOW.replace('date_format = "%Y%m%d"\n', ""))
    sales = facts.tables["transactions"]
    assert (sales.count().execute(), sales.contact_id.nunique().execute()) == (6919, 2357)
    assert sales.amount.sum().execute() == pytest.approx(244091.94)
    assert str(sales.contact_id.min().execute()) == "0001"
    assert facts.observed_until is not None
    assert facts.observed_until.at.isoformat() == "1998-07-01T00:00:00"


def test_cdnow_master_gzipped(company: Company, real_data: Path) -> None:
    toml = CDNOW.replace("CDNOW_sample.csv", "CDNOW_master.csv.gz").replace("sample_id", "customer_id")
    sales = opened(company, real_data, toml).tables["transactions"]
    assert (sales.count().execute(), sales.contact_id.nunique().execute()) == (69659, 23570)
    assert sales.amount.sum().execute() == pytest.approx(2500315.63)


def test_telco_whose_blank_charges_are_numbers(company: Company, real_data: Path) -> None:
    toml = """[tables.contacts]
path = "DATA/telco_churn/WA_Fn-UseC_-Telco-Customer-Churn.csv"
columns = { contact_id = "customerID" }
[labels.churn]
column = "Churn"
positive = "Yes"
"""
    facts = opened(company, real_data, toml)
    contacts = facts.tables["contacts"]
    numbers = [name for name in facts.attributes("contacts") if contacts[name].type().is_floating()]
    assert numbers == ["SeniorCitizen", "tenure", "MonthlyCharges", "TotalCharges"]
    assert (len(facts.attributes("contacts")), "Churn" in facts.attributes("contacts")) == (19, False)
    assert contacts.filter(contacts.TotalCharges.isnull()).tenure.execute().tolist() == [0.0] * 11
    assert contacts.filter(contacts.Churn == "Yes").count().execute() == 1869
    assert facts.observed_until is None


def test_leads_whose_label_is_a_number(company: Company, real_data: Path) -> None:
    toml = """[tables.contacts]
path = "DATA/lead_scoring_x_education/Leads.csv.gz"
columns = { contact_id = "Prospect ID" }
drop = ["Lead Number"]
[labels.lead_scoring]
column = "Converted"
positive = "1"
"""
    facts = opened(company, real_data, toml)
    contacts = facts.tables["contacts"]
    assert (contacts.count().execute(), contacts.filter(contacts.Converted == "1").count().execute()) == (9240, 3561)
    assert len(facts.attributes("contacts")) == 34
    numbers = {name for name in facts.attributes("contacts") if contacts[name].type().is_floating()}
    assert numbers == {
        "TotalVisits",
        "Total Time Spent on Website",
        "Page Views Per Visit",
        "Asymmetrique Activity Score",
        "Asymmetrique Profile Score",
    }


def test_path_data(company: Company, real_data: Path) -> None:
    columns = 'conversions = "total_conversions", value = "total_conversion_value", nulls = "total_null"'
    toml = f'[tables.journeys]\npath = "DATA/attribution_pathdata/PathData.csv"\ncolumns = {{ {columns} }}\n'
    journeys = opened(company, real_data, toml).tables["journeys"]
    sums = journeys.aggregate(
        c=journeys.conversions.sum(), v=journeys.value.sum(), n=journeys.nulls.sum(), paths=journeys.path.nunique()
    ).execute()
    assert sums.iloc[0].tolist() == pytest.approx([19785, 74802.9716, 68602, 5408])


def test_crm_deals(company: Company, real_data: Path) -> None:
    facts = opened(company, real_data, DEALS)
    deals = facts.tables["deals"]
    counts = deals.group_by("outcome").aggregate(n=deals.count(), worth=deals.closed_amount.sum()).order_by("outcome").execute()
    assert counts["outcome"].tolist()[:2] == ["lost", "won"]
    assert counts["n"].tolist() == [2473, 4238, 1589]
    assert counts["worth"][1] == pytest.approx(10005534)
    assert facts.tables["deal_events"].count().execute() == 2 * (2473 + 4238) + 1589
    assert deals.amount.count().execute() == 8300
    assert facts.attributes("deals") == ("product",)


def test_receivables_whose_months_come_first_though_the_country_is_france(company: Company, real_data: Path) -> None:
    invoices = opened(company, real_data, INVOICES).tables["invoices"]
    late = invoices.filter(invoices.paid_at > invoices.due_at).count().execute() / invoices.count().execute()
    assert (invoices.count().execute(), invoices.amount.sum().execute(), round(late, 3)) == (2466, pytest.approx(147703.18), 0.356)
    assert str(invoices.issued_at.max().execute()) == "2013-12-02 00:00:00"


def test_m3_with_a_filter_on_a_column_that_is_not_kept(company: Company, real_data: Path) -> None:
    sales = opened(company, real_data, M3).tables["sales"]
    assert (sales.count().execute(), sales.series.nunique().execute()) == (43917 - 18 * 474, 474)
    assert sales.filter(sales.known_at <= sales.date).count().execute() == 0


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        ("CDNOW_sample", "nowhere", "nowhere.csv"),
        ("dollar_value", "no_such_column", "no_such_column"),
        ("%Y%m%d", "%d/%m/%Y", "occurred_at"),
    ],
)
def test_an_error_names_what_the_user_wrote(company: Company, real_data: Path, before: str, after: str, word: str) -> None:
    with pytest.raises(SourceError, match=word):
        opened(company, real_data, CDNOW.replace(before, after))
