"""Files that no program should write, and some do."""

from __future__ import annotations

import pytest

from funnelcast.errors import BadSourceFile, BadValues, EmptyTable, MissingColumn, MissingFile, SourceError, UnreadableFile
from funnelcast.sources.check import report
from funnelcast.sources.open import open_source
from tests.unit.sources.company import Company, Rows, Said

TRANSACTIONS = '[tables.transactions]\npath = "t.csv"\n'
HEADER = "contact_id,occurred_at,amount,channel\n"


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (b"", EmptyTable, ("transactions", "t.csv", "header")),
        (b"\xef\xbb\xbf\r\n", EmptyTable, ("transactions", "t.csv")),
        (HEADER, EmptyTable, ("transactions", "t.csv", "no row")),
        (HEADER + ",,,\n,,,\n", EmptyTable, ("transactions", "t.csv")),
        ("contact_id,occurred_at\n1,2025-01-01\n", MissingColumn, ("transactions", "amount", "contact_id, occurred_at")),
        (HEADER + "1,2025-01-01,5,a\n2,2025-01-01,5\n3,x\n", UnreadableFile, ("t.csv", "2 rows", "row 3", "2,2025-01-01,5")),
        (HEADER + "1,2025-01-01,5,a,b\n", UnreadableFile, ("t.csv", "1 row ", "row 2", "1,2025-01-01,5,a,b")),
        (HEADER + '1,2025-01-01,5,"a\n2,2025-01-01,5,b\n', UnreadableFile, ("t.csv", "quote")),
        (
            HEADER + "1,2025-01-01,5,a\n2,soon,5,b\n3,later,6,c\n",
            BadValues,
            ("transactions", "occurred_at", "2 of 3", "row 3: 'soon'; row 4: 'later'"),
        ),
        (HEADER + "1,2025-01-01,five,a\n", BadValues, ("transactions", "amount", "1 of 1", "row 2: 'five'", "number")),
        (HEADER + "1,2025-01-01,,a\n", BadValues, ("transactions", "amount", "1 of 1", "blank", "contact_id '1'")),
        (HEADER + " ,2025-01-01,5,a\n", BadValues, ("transactions", "contact_id", "blank")),
        (HEADER + "1,2025-01-01,5 $,a\n", BadValues, ("amount", "'5 $'")),
        (b"PK\x03\x04rubbish" + bytes(range(256)), SourceError, ("transactions",)),
    ],
)
def test_bad_input_is_refused_by_table_column_rule_count_and_first_offender(
    company: Company, content: str | bytes, error: type[SourceError], words: tuple[str, ...]
) -> None:
    with pytest.raises(error) as refused:
        open_source(company.source(TRANSACTIONS, {"t.csv": content}), threads=1)
    assert all(word in str(refused.value) for word in words), str(refused.value)


def test_a_declared_encoding_that_the_file_is_not_written_in_names_the_line(company: Company) -> None:
    content = (HEADER + "1,2025-01-01,5,web\n2,2025-01-01,5,Téléphone\n").encode("cp1252")
    with pytest.raises(UnreadableFile, match=r"t\.csv isn't written in utf-8: line 3 holds the bytes .*\\xe9"):
        open_source(company.source(TRANSACTIONS + 'encoding = "utf-8"\n', {"t.csv": content}), threads=1)


def test_a_file_that_is_not_what_its_name_says(company: Company) -> None:
    for name, word in (("t.csv.gz", "gzip"), ("t.parquet", "parquet"), ("t.xlsx", "workbook")):
        with pytest.raises(UnreadableFile, match=rf"{name} can't be read.*{word}"):
            open_source(company.source(f'[tables.transactions]\npath = "{name}"\n', {name: HEADER + "1,2025-01-01,5,a\n"}), threads=1)


def test_a_path_that_is_not_there_or_of_no_known_kind(company: Company) -> None:
    with pytest.raises(MissingFile, match=r"transactions: no file matches 'nowhere\.csv'"):
        open_source(company.source('[tables.transactions]\npath = "nowhere.csv"\n'), threads=1)
    with pytest.raises(MissingFile, match=r"'none/\*\.csv'"):
        open_source(company.source('[tables.transactions]\npath = "none/*.csv"\n'), threads=1)
    with pytest.raises(BadSourceFile, match=r"\[tables\.transactions\].*v\.pdf.*\.parquet"):
        open_source(company.source('[tables.transactions]\npath = "v.pdf"\n', {"v.pdf": "x"}), threads=1)
    with pytest.raises(BadSourceFile, match="is a folder"):
        open_source(company.source('[tables.transactions]\npath = "."\n'), threads=1)


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ('sql = "selec 1"', ("[tables.transactions] sql fails", "syntax error")),
        ('sql = "select * from nowhere"', ("[tables.transactions] sql fails", "nowhere")),
        ('sql = "create table x (a int)"', ("[tables.transactions] sql",)),
        ('table = "x"', ("[tables.transactions] table needs backend",)),
        ('path = "t.csv"\nfilter = "amount >> "', ("[tables.transactions] filter fails",)),
        ('path = "t.csv"\nfilter = "nowhere = 1"', ("[tables.transactions] filter fails", "nowhere")),
        ('path = "t.csv"\nfilter = "true; drop table t"', ("[tables.transactions] filter fails",)),
    ],
)
def test_sql_that_fails_is_the_source_files_fault(company: Company, toml: str, words: tuple[str, ...]) -> None:
    with pytest.raises(BadSourceFile) as refused:
        open_source(company.source(f"[tables.transactions]\n{toml}\n", {"t.csv": HEADER + "1,2025-01-01,5,a\n"}), threads=1)
    assert all(word in str(refused.value) for word in words), str(refused.value)


def test_a_filter_that_leaves_nothing_says_so(company: Company) -> None:
    with pytest.raises(EmptyTable, match=r"no row that passes `filter`"):
        open_source(company.source(TRANSACTIONS + 'filter = "amount > 5"\n', {"t.csv": HEADER + "1,2025-01-01,5,a\n"}), threads=1)


def test_bad_rows_that_the_filter_leaves_out_do_no_harm_and_keep_their_number(company: Company, rows: Rows) -> None:
    text = HEADER + "1,2025-01-01,5,a\n2,soon,5,draft\n3,2025-01-03,5,a\n4,never,5,a\n"
    with pytest.raises(BadValues, match=r"1 of 3 rows .*row 5: 'never'"):
        open_source(company.source(TRANSACTIONS + "filter = \"channel <> 'draft'\"\n", {"t.csv": text}), threads=1)


def test_the_file_of_an_offender_is_named_where_there_are_several(company: Company) -> None:
    files = {"v/a.csv": HEADER + "1,2025-01-01,5,a\n", "v/b.csv": HEADER + "1,2025-01-01,5,a\n1,soon,5,a\n"}
    with pytest.raises(BadValues, match=r"b\.csv row 3: 'soon'"):
        open_source(company.source('[tables.transactions]\npath = "v/*.csv"\n', files), threads=1)


def test_quotes_line_breaks_and_nul_bytes_inside_cells(company: Company, rows: Rows, said: Said) -> None:
    text = HEADER + '1,2025-01-01,5,"a ""quoted""\nline; two"\n2,2025-01-02,6,w\0eb\n'
    facts = open_source(company.source(TRANSACTIONS, {"t.csv": text}), threads=1)
    assert rows(facts, "transactions", "contact_id", "channel") == [
        {"contact_id": "1", "channel": 'a "quoted"\nline; two'},
        {"contact_id": "2", "channel": "web"},
    ]
    assert said(facts.findings, "warning", "transactions") == ["t.csv holds NUL bytes; they are left out [1] "]


def test_repeated_and_blank_headers_get_names_of_their_own(company: Company, rows: Rows, said: Said) -> None:
    text = "contact_id,Note,note,,Note\na,1,2,3,4\n"
    facts = open_source(company.source('[tables.contacts]\npath = "t.csv"\n', {"t.csv": text}), threads=1)
    assert rows(facts, "contacts", "contact_id", "Note", "note_2", "column 4", "Note_3") == [
        {"contact_id": "a", "Note": 1.0, "note_2": 2.0, "column 4": 3.0, "Note_3": 4.0}
    ]
    assert len(said(facts.findings, "warning", "contacts", "note_2")) == 1


def test_an_attribute_that_is_called_like_a_canonical_column_is_left_out_and_reported(company: Company, said: Said) -> None:
    toml = '[tables.contacts]\npath = "t.csv"\ncolumns = { created_at = "Since" }\n'
    facts = open_source(company.source(toml, {"t.csv": "contact_id,Since,created_at\na,2025-01-01,x\n"}), threads=1)
    assert facts.attributes("contacts") == ()
    assert "left out" in said(facts.findings, "warning", "contacts", "created_at")[0]


def test_blank_rows_that_spreadsheets_append_are_left_out(company: Company, said: Said) -> None:
    facts = open_source(company.source(TRANSACTIONS, {"t.csv": HEADER + "1,2025-01-01,5,a\n,,,\n,,,\n"}), threads=1)
    assert facts.tables["transactions"].count().execute() == 1
    assert "rows without any value are left out [2] " in said(facts.findings, "note", "transactions")


def test_a_label_that_no_contact_has_is_an_error_that_shows_the_values(company: Company) -> None:
    toml = '[tables.contacts]\npath = "t.csv"\n[labels.churn]\ncolumn = "Gone"\npositive = "Yes"\n'
    with pytest.raises(BadValues, match=r"contacts, column Gone.*'Yes'.*'oui' 2 times, 'non' 1 times"):
        open_source(company.source(toml, {"t.csv": "contact_id,Gone\na,oui\nb,non\nc,oui\n"}), threads=1)
    with pytest.raises(MissingColumn, match=r"'Left' for the label churn.*Mend `column` under \[labels.churn\]"):
        open_source(company.source(toml.replace("Gone", "Left")), threads=1)


def test_the_report_goes_on_after_an_error_and_sorts_errors_first(company: Company) -> None:
    toml = (
        '[tables.contacts]\npath = "nowhere.csv"\n'
        '[tables.transactions]\npath = "t.csv"\n'
        '[tables.spend]\npath = "s.csv"\n'
        '[tables.sales]\npath = "empty.csv"\n'
        '[tables.deals]\npath = "s.csv"\n'
    )
    files = {
        "t.csv": HEADER + "1,soon,five,a\n2,2025-01-01,-5,a\n2,2025-01-01,-5,a\n",
        "s.csv": "date,channel,amount\n2025-01-01,ads,-1\n",
        "empty.csv": "date,amount\n",
    }
    found = report(company.source(toml, files), threads=1)
    errors = [(finding.table, finding.column, finding.count) for finding in found if finding.level == "error"]
    assert errors == [
        ("contacts", "", 0),
        ("transactions", "occurred_at", 1),
        ("transactions", "amount", 1),
        ("deals", "deal_id", 0),
        ("deals", "opened_at", 0),
        ("sales", "", 0),
        ("spend", "amount", 1),
    ]
    levels = [finding.level for finding in found]
    assert levels == sorted(levels, key=["error", "warning", "note"].index)
    assert "nowhere.csv" in found[0].rule
    assert [(finding.rule, finding.count) for finding in found if finding.level == "warning" and finding.table == "transactions"] == [
        ("rows repeat another row exactly", 1)
    ]
    assert ("are negative; taken as returns", 2) not in [(finding.rule, finding.count) for finding in found]


def test_the_report_of_a_source_file_that_cannot_be_read_is_one_error(company: Company) -> None:
    (finding,) = report(company.folder / "source.toml")
    assert (finding.level, finding.table) == ("error", "")
    assert "there is no such file" in finding.rule
