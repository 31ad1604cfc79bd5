"""Exports as they come: French ones above all."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from funnelcast.sources.facts import Facts
from funnelcast.sources.open import open_source
from funnelcast.terms import AsOf
from tests.unit.sources.company import Company, Rows, Said

SALES = """[tables.transactions]
path = "{}"
columns = {{ contact_id = "Client", occurred_at = "Date", amount = "Montant TTC", channel = "Canal" }}
"""
FRENCH = (
    "N° de commande;Client;Date;Montant  TTC;Canal;Prénom\r\n"
    '7;0012;31/01/2025;1\u00a0234,56 €;Téléphone;"Zoë; l’aînée"\r\n'
    "8;0013;01/02/2025 14:30;-12,50 €;Magasin d’Œuvres;\r\n"
    "9;12;02/02/2025;7 €; ;\r\n"
)
READ = [
    {"contact_id": "0012", "occurred_at": "2025-01-31 00:00:00", "amount": 1234.56, "channel": "Téléphone"},
    {"contact_id": "0013", "occurred_at": "2025-02-01 14:30:00", "amount": -12.5, "channel": "Magasin d’Œuvres"},
    {"contact_id": "12", "occurred_at": "2025-02-02 00:00:00", "amount": 7.0, "channel": None},
]
COLUMNS = ("contact_id", "occurred_at", "amount", "channel")


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_a_french_export_is_read_as_it_comes(company: Company, rows: Rows, said: Said, encoding: str) -> None:
    facts = open_source(company.source(SALES.format("ventes.csv"), {"ventes.csv": FRENCH.encode(encoding)}), threads=1)
    assert rows(facts, "transactions", *COLUMNS) == READ
    notes = said(facts.findings, "note", "transactions")
    assert "delimiter ';' (sniffed) [0] " in notes
    assert f"encoding {encoding.removesuffix('-sig')} (sniffed) [0] " in notes
    assert any("decimal ','" in note for note in said(facts.findings, "note", "transactions", "amount"))
    assert said(facts.findings, "note", "transactions", "occurred_at") == ["dates as %d/%m/%Y or %d/%m/%Y %H:%M (sniffed) [0] "]


def test_what_is_declared_is_not_sniffed(company: Company, rows: Rows, said: Said) -> None:
    toml = SALES.format("v.csv") + 'delimiter = ";"\nencoding = "cp1252"\ndecimal = ","\nthousands = " "\ndate_format = "%d/%m/%Y"\n'
    content = FRENCH.replace(" 14:30", "").encode("cp1252")
    facts = open_source(company.source(toml, {"v.csv": content}), threads=1)
    assert rows(facts, "transactions", "amount") == [{"amount": -12.5}, {"amount": 1234.56}, {"amount": 7.0}]
    assert not [finding for finding in facts.findings if "sniffed" in finding.rule]


def test_gzip_globs_and_files_whose_columns_come_in_another_order(company: Company, rows: Rows) -> None:
    files: dict[str, str | bytes] = {
        "exports/2024.csv.gz": gzip.compress(b"Client;Date;Montant TTC;Canal\n1;31/12/2024;10,5;web\n"),
        "exports/2025.csv": 'Canal,Montant TTC,Date,Client,Remarque\nmagasin,"1 000,25",02/01/2025,2,é\n'.encode("cp1252"),
        "exports/readme.md": "not a file of facts",
    }
    facts = open_source(company.source(SALES.format("exports/*.csv*"), files), threads=1)
    assert rows(facts, "transactions", *COLUMNS) == [
        {"contact_id": "1", "occurred_at": "2024-12-31 00:00:00", "amount": 10.5, "channel": "web"},
        {"contact_id": "2", "occurred_at": "2025-01-02 00:00:00", "amount": 1000.25, "channel": "magasin"},
    ]


def test_a_tab_separated_export_with_excels_sep_line_and_mixed_line_ends(company: Company, rows: Rows) -> None:
    text = 'sep=\t\r\nClient\tDate\tMontant TTC\tCanal\n1\t2025-01-31\t10.5\t"a\nb"\r\n2\t2025-02-01\t11\tweb\r\n'
    facts = open_source(company.source(SALES.format("v.tsv"), {"v.tsv": text}), threads=1)
    assert rows(facts, "transactions", "contact_id", "amount", "channel") == [
        {"contact_id": "1", "amount": 10.5, "channel": "a\nb"},
        {"contact_id": "2", "amount": 11.0, "channel": "web"},
    ]


def test_a_workbook(company: Company, rows: Rows) -> None:
    cells = [
        [1, date(2025, 1, 31), 12.5, "web"],
        [20, datetime.fromisoformat("2025-02-01 14:30"), "1 234,56 €", 7],
        [None, None, None, None],
        ["0003", "03/02/2025", 8, None],
    ]
    with pd.ExcelWriter(company.folder / "v.xlsx") as book:
        pd.DataFrame({"Rien": []}).to_excel(book, sheet_name="Feuil1", index=False)
        pd.DataFrame(cells, columns=["Client", "Date", "Montant TTC", "Canal"], dtype=object).to_excel(
            book, sheet_name="Ventes", index=False
        )
    facts = open_source(company.source(SALES.format("v.xlsx") + 'sheet = "Ventes"\n'), threads=1)
    assert rows(facts, "transactions", *COLUMNS) == [
        {"contact_id": "0003", "occurred_at": "2025-02-03 00:00:00", "amount": 8.0, "channel": None},
        {"contact_id": "1", "occurred_at": "2025-01-31 00:00:00", "amount": 12.5, "channel": "web"},
        {"contact_id": "20", "occurred_at": "2025-02-01 14:30:00", "amount": 1234.56, "channel": "7"},
    ]


def test_typed_parquet_keeps_its_types_and_an_offset_becomes_wall_clock_time(company: Company, rows: Rows) -> None:
    table = pa.table(
        {
            "id": pa.array([1, 2], pa.int64()),
            "created_at": pa.array([datetime(2025, 7, 1, 22, tzinfo=UTC), None], pa.timestamp("us", "UTC")),
            "became_customer_at": pa.array([date(2025, 8, 1), None], pa.date32()),
            "size": pa.array([1.5, float("nan")], pa.float64()),
            "code": pa.array(["007", "12"], pa.string()),
            "vip": pa.array([True, None], pa.bool_()),
            "visits": pa.array([3, 4], pa.int32()),
            "seen": pa.array([date(2025, 1, 2), None], pa.date32()),
        }
    )
    pq.write_table(table, company.folder / "c.parquet")
    facts = open_source(company.source('[tables.contacts]\npath = "c.parquet"\ncolumns = { contact_id = "id" }\n'), threads=1)
    assert rows(facts, "contacts", "contact_id", "created_at", "became_customer_at", "size", "code", "vip", "visits", "seen") == [
        {
            "contact_id": "1",
            "created_at": "2025-07-02 00:00:00",
            "became_customer_at": "2025-08-01 00:00:00",
            "size": 1.5,
            "code": "007",
            "vip": "true",
            "visits": 3.0,
            "seen": "2025-01-02",
        },
        {
            "contact_id": "2",
            "created_at": None,
            "became_customer_at": None,
            "size": None,
            "code": "12",
            "vip": None,
            "visits": 4.0,
            "seen": None,
        },
    ]
    assert facts.attributes("contacts") == ("size", "code", "vip", "visits", "seen")
    assert {name: str(kind) for name, kind in facts.tables["contacts"].schema().items() if name in {"visits", "code"}} == {
        "visits": "float64",
        "code": "string",
    }


def test_a_whole_float_in_parquet_is_an_id_without_a_decimal_point(company: Company, rows: Rows) -> None:
    pq.write_table(pa.table({"contact_id": [7.0, 8.5], "date": [20250131, 20250201], "amount": ["1,5", "2"]}), company.folder / "t.parquet")
    toml = '[tables.transactions]\npath = "t.parquet"\ncolumns = { occurred_at = "date" }\n'
    facts = open_source(company.source(toml), threads=1)
    assert rows(facts, "transactions", "contact_id", "occurred_at", "amount") == [
        {"contact_id": "7", "occurred_at": "2025-01-31 00:00:00", "amount": 1.5},
        {"contact_id": "8.5", "occurred_at": "2025-02-01 00:00:00", "amount": 2.0},
    ]


def test_a_query_runs_beside_the_source_file(company: Company, rows: Rows) -> None:
    toml = "[tables.spend]\nsql = \"select jour as date, 'ads' as channel, sum(cout) as amount from read_csv('couts.csv') group by jour\"\n"
    facts = open_source(company.source(toml, {"couts.csv": "jour,cout\n2025-01-01,1.5\n2025-01-01,2\n"}), threads=1)
    assert rows(facts, "spend", "date", "channel", "amount") == [{"date": "2025-01-01 00:00:00", "channel": "ads", "amount": 3.5}]


def test_tables_of_a_duckdb_database(company: Company, rows: Rows) -> None:
    with duckdb.connect(str(company.folder / "crm.duckdb")) as database:
        database.execute("create table ventes as select 12 as Client, timestamp '2025-01-31 10:00' as Date, 9.5::decimal(9, 2) as Montant")
        database.execute(
            "create view par_mois as select date_trunc('month', Date) as date, sum(Montant) as amount from ventes group by all"
        )
    toml = (
        '[tables.transactions]\ntable = "ventes"\ncolumns = { contact_id = "Client", occurred_at = "Date", amount = "Montant" }\n'
        '[tables.sales]\nsql = "select * from par_mois"\n'
    )
    facts = open_source(company.source(toml, backend="duckdb://crm.duckdb"), threads=1)
    assert rows(facts, "transactions", "contact_id", "occurred_at", "amount") == [
        {"contact_id": "12", "occurred_at": "2025-01-31 10:00:00", "amount": 9.5}
    ]
    assert rows(facts, "sales", "date", "amount") == [{"date": "2025-01-01 00:00:00", "amount": 9.5}]


CONTACTS = (
    'id,Ville,"Chiffre d\'affaires",Code postal,Vide,Note,Charges,Issue,Commentaire\n'
    "1,Paris,1000,01000,,N/A,29.85,1.0,x\n"
    "2, Lyon ,2500.5,75001,,12, ,0,y\n"
    "3,,,69002,,7,30,1,z\n"
)


def open_contacts(company: Company, extra: str, content: str = CONTACTS) -> Facts:
    toml = '[tables.contacts]\npath = "c.csv"\ncolumns = { contact_id = "id" }\n' + extra
    return open_source(company.source(toml, {"c.csv": content}), threads=1)


@pytest.mark.parametrize(("strays", "numbers"), [(2, True), (3, False)])
def test_an_attribute_with_the_odd_text_among_its_numbers_is_numbers(company: Company, said: Said, strays: int, numbers: bool) -> None:
    values = ["1 234,5", "?", "n.d."] + ["7"] * 99 + ["voir note"] * strays
    facts = open_contacts(company, "", "id;Solde\n" + "".join(f"{row};{value}\n" for row, value in enumerate(values)))
    assert facts.table("contacts")["Solde"].type().is_floating() == numbers
    told = [f"values aren't numbers as the others are; taken as missing [{strays}] "] if numbers else []
    assert said(facts.findings, "note", "contacts", "Solde") == told


def test_every_other_column_of_contacts_is_an_attribute_numeric_if_all_its_values_are_numbers(company: Company, rows: Rows) -> None:
    facts = open_contacts(company, 'drop = ["Commentaire"]\n[labels.churn]\ncolumn = "Issue"\npositive = "1"\n')
    assert facts.attributes("contacts") == ("Ville", "Chiffre d'affaires", "Code postal", "Vide", "Note", "Charges")
    assert rows(facts, "contacts", "contact_id", *facts.attributes("contacts"), "Issue") == [
        {
            "contact_id": "1",
            "Ville": "Paris",
            "Chiffre d'affaires": 1000.0,
            "Code postal": "01000",
            "Vide": None,
            "Note": None,
            "Charges": 29.85,
            "Issue": "1",
        },
        {
            "contact_id": "2",
            "Ville": "Lyon",
            "Chiffre d'affaires": 2500.5,
            "Code postal": "75001",
            "Vide": None,
            "Note": 12.0,
            "Charges": None,
            "Issue": "0",
        },
        {
            "contact_id": "3",
            "Ville": None,
            "Chiffre d'affaires": None,
            "Code postal": "69002",
            "Vide": None,
            "Note": 7.0,
            "Charges": 30.0,
            "Issue": "1",
        },
    ]


def test_a_label_matches_whether_its_column_is_text_or_numbers(company: Company) -> None:
    pq.write_table(pa.table({"id": ["a", "b"], "Issue": pa.array([1, 0], pa.int8()), "Gone": [True, False]}), company.folder / "c.parquet")
    toml = '[tables.contacts]\npath = "c.parquet"\ncolumns = { contact_id = "id" }\n[labels.churn]\ncolumn = "Issue"\npositive = 1.0\n'
    toml += '[labels.lead_scoring]\ncolumn = "Gone"\npositive = true\n'
    facts = open_source(company.source(toml), threads=1)
    contacts = facts.tables["contacts"]
    assert contacts.filter(contacts.Issue == facts.source.labels["churn"].positive).contact_id.execute().tolist() == ["a"]
    assert contacts.filter(contacts.Gone == facts.source.labels["lead_scoring"].positive).contact_id.execute().tolist() == ["a"]
    assert facts.attributes("contacts") == ()


def test_a_filter_sees_their_columns_with_their_values_read(company: Company, rows: Rows) -> None:
    text = "Client;Date;Montant TTC;Canal;Statut\n1;31/01/2025;1 200,50;web;ok\n2;01/02/2025;-3,5;web;ok\n3;bientôt;5,5;web;annulé\n"
    toml = SALES.format("v.csv") + 'filter = """"Montant TTC" > 0 and Statut <> \'annulé\' and Date >= \'2025-01-01\'"""\n'
    facts = open_source(company.source(toml, {"v.csv": text.encode("cp1252")}), threads=1)
    assert rows(facts, "transactions", "contact_id", "amount") == [{"contact_id": "1", "amount": 1200.5}]


def test_headers_with_accents_composed_otherwise_and_double_blanks_are_found(company: Company, rows: Rows) -> None:
    text = "Identifiant\u00a0 client;Date d\u2019e\u0301mission;MONTANT\n1;31/01/2025;3\n"
    columns = 'contact_id = "Identifiant client", occurred_at = "Date d’émission", amount = "Montant"'
    toml = f'[tables.transactions]\npath = "v.csv"\ncolumns = {{ {columns} }}\n'
    facts = open_source(company.source(toml, {"v.csv": text}), threads=1)
    assert rows(facts, "transactions", "contact_id", "amount") == [{"contact_id": "1", "amount": 3.0}]


AMBIGUOUS = "contact_id,occurred_at,amount\n1,03/04/2025,5\n2,05/06/2025,6\n"


@pytest.mark.parametrize(("country", "read"), [("FR", "2025-04-03 day first"), ("US", "2025-03-04 month first")])
def test_day_and_month_that_could_be_swapped_are_told_apart_by_the_country(
    company: Company, rows: Rows, said: Said, country: str, read: str
) -> None:
    path = company.source('[tables.transactions]\npath = "t.csv"\n', {"t.csv": AMBIGUOUS}, country=country)
    facts = open_source(path, threads=1)
    day, order = read.split(" ", 1)
    assert rows(facts, "transactions", "occurred_at")[0] == {"occurred_at": f"{day} 00:00:00"}
    (warning,) = said(facts.findings, "warning", "transactions", "occurred_at")
    assert f"read as '{order}', as is usual in {country} [2]" in warning


def test_day_and_month_are_told_apart_by_any_value_however_late_and_by_the_other_columns(company: Company, rows: Rows, said: Said) -> None:
    early = "".join(f"{number},c,03/04/2025,05/06/2025,5\n" for number in range(1200))
    text = f"invoice_id,contact_id,issued_at,due_at,amount\n{early}x,c,04/25/2025,05/06/2025,5\n"
    facts = open_source(company.source('[tables.invoices]\npath = "i.csv"\n', {"i.csv": text}), threads=1)
    assert rows(facts, "invoices", "issued_at", "due_at")[0] == {"issued_at": "2025-03-04 00:00:00", "due_at": "2025-05-06 00:00:00"}
    assert not said(facts.findings, "warning", "invoices", "due_at")
    assert any("as in the table's other columns" in note for note in said(facts.findings, "note", "invoices", "due_at"))


def test_a_decimal_comma_that_shows_late_is_seen(company: Company, rows: Rows) -> None:
    early = "".join(f"{number};2025-01-01;5\n" for number in range(1200))
    facts = open_source(
        company.source('[tables.transactions]\npath = "t.csv"\n', {"t.csv": f"contact_id;occurred_at;amount\n{early}x;2025-01-01;7,25\n"}),
        threads=1,
    )
    assert facts.tables["transactions"].amount.sum().execute() == 6007.25


def test_thousands_that_could_be_decimals_are_read_as_the_delimiter_tells_and_reported(company: Company, said: Said) -> None:
    source = company.source('[tables.transactions]\npath = "t.csv"\n', {"t.csv": "contact_id;occurred_at;amount\n1;2025-01-01;1.234\n"})
    facts = open_source(source, threads=1)
    assert facts.tables["transactions"].amount.execute().tolist() == [1234.0]
    (warning,) = said(facts.findings, "warning", "transactions", "amount")
    assert "read as ','" in warning


def test_dates_that_mean_never_are_blank(company: Company, rows: Rows) -> None:
    text = "contact_id,started_at,ended_at\n1,2025-01-01,9999-12-31\n2,2025-01-01,0000-00-00\n3,2025-01-01,NULL\n4,2025-01-01,2025-02-01\n"
    facts = open_source(company.source('[tables.subscriptions]\npath = "s.csv"\n', {"s.csv": text}), threads=1)
    assert [row["ended_at"] for row in rows(facts, "subscriptions", "contact_id", "ended_at")] == [None, None, None, "2025-02-01 00:00:00"]


def test_facts_say_until_when_they_were_observed(company: Company) -> None:
    text = "contact_id,occurred_at,amount,known_at\n1,2025-01-01,5,2025-03-07 15:00\n"
    declared = company.source('[tables.transactions]\npath = "t.csv"\n', {"t.csv": text}, observed_until="2025-12-31")
    end = open_source(declared, threads=1).observed_until
    assert end is not None
    assert end.isoformat() == "2026-01-01T00:00:00+01:00"
    seen = open_source(company.source('[tables.transactions]\npath = "t.csv"\n'), threads=1).observed_until
    assert seen is not None
    assert seen.isoformat() == "2025-03-08T00:00:00+01:00"


def test_an_end_agreed_for_later_is_not_observed_yet(company: Company) -> None:
    text = "contact_id,started_at,ended_at\na,2025-01-01,2199-12-31\n"
    end = open_source(company.source('[tables.subscriptions]\npath = "s.csv"\n', {"s.csv": text}), threads=1).observed_until
    assert end is not None
    assert end == AsOf.midnight_after(AsOf.now("Europe/Paris").at.date(), "Europe/Paris")


def test_brought_columns_are_known(company: Company) -> None:
    text = "contact_id,occurred_at,amount,extra\n1,2025-01-01,5,x\n"
    facts = open_source(company.source('[tables.transactions]\npath = "t.csv"\n', {"t.csv": text}), threads=1)
    assert facts.brings("transactions", "amount")
    assert not facts.brings("transactions", "channel")
    assert "extra" not in facts.tables["transactions"].columns
