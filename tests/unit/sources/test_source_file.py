"""source.toml is read strictly: what it can't say is an error that names the key and the nearest known one."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from funnelcast.errors import BadSourceFile
from funnelcast.sources.facts import Source
from funnelcast.sources.source_file import SourceFile, read

WHOLE = """
[source]
name = "acme"
currency = "EUR"
timezone = "Europe/Paris"
country = "FR"
backend = "duckdb"
observed_until = 2025-12-31

[tables.transactions]
path = "ventes.csv"
delimiter = ";"
decimal = ","
thousands = " "
encoding = "cp1252"
columns = { contact_id = "Client", occurred_at = "Date", amount = "Montant TTC" }
date_format = "%d/%m/%Y"
filter = "Montant > 0"
drop = ["Commentaire"]

[tables.contacts]
sql = "select 1"

[channels]
offline = ["store", "phone"]
spend_lag_days = 30
[engagement]
email_open = 1
download = 5.5
[labels.churn]
column = "Churn"
positive = 1
[billing]
terms = "45 days end of month"
vat_rate = 0.055
[cash]
opening_balance = 120000
floor = 20000.0
"""


def given(folder: Path, text: str) -> SourceFile:
    path = folder / "source.toml"
    path.write_text(text, encoding="utf-8")
    return read(path)


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(BadSourceFile) as error:
        given(folder, text)
    assert str(folder / "source.toml") in str(error.value)
    return str(error.value)


def test_every_key_of_the_contract_arrives(tmp_path: Path) -> None:
    file = given(tmp_path, WHOLE)
    source, (sales, contacts) = file.source, file.tables
    assert (source.name, source.currency, source.timezone, source.country, source.backend) == (
        "acme",
        "EUR",
        "Europe/Paris",
        "FR",
        "duckdb",
    )
    assert (source.terms, source.vat_rate, source.opening_balance, source.floor) == ("45 days end of month", 0.055, 120000.0, 20000.0)
    assert (source.offline, source.spend_lag_days) == (frozenset({"store", "phone"}), 30)
    assert source.engagement == {"email_open": 1.0, "download": 5.5}
    assert (source.labels["churn"].column, source.labels["churn"].positive) == ("Churn", "1")
    assert file.observed_until == date(2025, 12, 31)
    assert (sales.path, sales.delimiter, sales.decimal, sales.thousands, sales.encoding) == ("ventes.csv", ";", ",", " ", "cp1252")
    assert sales.columns == {"contact_id": "Client", "occurred_at": "Date", "amount": "Montant TTC"}
    assert (sales.date_format("occurred_at"), sales.filter, sales.drop) == ("%d/%m/%Y", "Montant > 0", ("Commentaire",))
    assert (contacts.name, contacts.sql, contacts.path) == ("contacts", "select 1", None)


def test_what_is_left_out_has_the_contracts_default(tmp_path: Path) -> None:
    source = given(tmp_path, '[source]\nname = "a"\n[tables.spend]\npath = "x.csv"\n').source
    assert (source.timezone, source.backend, source.terms, source.vat_rate) == ("UTC", "duckdb", "30 days", Source("a").vat_rate)
    assert source.offline == {"store", "phone", "event"}
    assert source.opening_balance is None


def test_a_file_saved_by_a_windows_editor_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "source.toml"
    path.write_bytes(b"\xef\xbb\xbf" + WHOLE.encode())
    assert read(path).source.name == "acme"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("[source]", "[sourse]", ("sourse", "'source'")),
        ("[billing]", "[biling]", ("biling", "'billing'")),
        ("currency =", "curency =", ("[source]", "curency", "'currency'")),
        ("delimiter =", "delimeter =", ("[tables.transactions]", "delimeter", "'delimiter'")),
        ("[tables.contacts]", "[tables.contact]", ("'contact'", "'contacts'")),
        ("contact_id =", "contact =", ("'contact'", "'contact_id'")),
        ("vat_rate = 0.055", "vat_rate = 20", ("vat_rate", "20")),
        ("vat_rate = 0.055", 'vat_rate = "20 %"', ("vat_rate", "number")),
        ("spend_lag_days = 30", "spend_lag_days = -1", ("[channels]", "spend_lag_days", "-1")),
        ('terms = "45 days end of month"', 'terms = "soon"', ("[billing]", "terms", "soon")),
        ('"Europe/Paris"', '"Europe/Pariss"', ("timezone", "Europe/Pariss")),
        ('currency = "EUR"', 'currency = "euro"', ("currency", "euro")),
        ('country = "FR"', 'country = "France"', ("country", "France")),
        ('backend = "duckdb"', 'backend = "spark"', ("backend", "pyspark")),
        ("observed_until = 2025-12-31", 'observed_until = "31/12/2025"', ("observed_until", "31/12/2025")),
        ("observed_until = 2025-12-31", "observed_until = 2025-12-31T10:00:00", ("observed_until", "2025-12-31 10:00:00")),
        ('encoding = "cp1252"', 'encoding = "windows"', ("encoding", "windows")),
        ('decimal = ","', 'decimal = ";"', ("decimal", "';'")),
        ('thousands = " "', 'thousands = ","', ("thousands", "','")),
        ('date_format = "%d/%m/%Y"', 'date_format = "dd/MM/yyyy"', ("date_format", "dd/MM/yyyy")),
        ('sql = "select 1"', 'sql = "select 1"\npath = "x"', ("[tables.contacts]", "exactly one of path, table and sql")),
        ('sql = "select 1"', "", ("[tables.contacts]", "exactly one of path, table and sql")),
        ("positive = 1", "", ("[labels.churn]", "positive")),
        ('name = "acme"', "", ("[source]", "name", "missing")),
        ('name = "acme"', 'name = "a/b"', ("name", "a/b")),
        ('drop = ["Commentaire"]', 'drop = "Commentaire"', ("drop", "list")),
        ("[channels]", "[[channels]]", ("channels", "table")),
        ("email_open = 1", "email_open = true", ("email_open", "number")),
    ],
)
def test_what_cannot_be_is_refused_by_name(tmp_path: Path, before: str, after: str, words: tuple[str, ...]) -> None:
    assert before in WHOLE
    message = refusal(tmp_path, WHOLE.replace(before, after))
    assert all(word in message for word in words), message


def test_a_label_needs_contacts_and_a_source_needs_a_table(tmp_path: Path) -> None:
    assert "declares no table" in refusal(tmp_path, '[source]\nname = "a"\n')
    toml = '[source]\nname = "a"\n[tables.spend]\npath = "x.csv"\n[labels.churn]\ncolumn = "x"\npositive = "y"\n'
    assert "[tables.contacts]" in refusal(tmp_path, toml)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.toml", tmp_path):
        with pytest.raises(BadSourceFile, match=r"there is no such file.*source\.toml"):
            read(path)


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    assert "line 2" in refusal(tmp_path, "[source]\nname = acme\n")
