"""A simulated company as other systems would export it: what the templates of source.toml read, large enough to train on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import duckdb

from funnelcast.errors import UsageError
from funnelcast.simulate.company import Company
from funnelcast.sources.template import FOLDER

_FILE = re.compile(r"^-- (\S+\.(?:csv|parquet))\n", re.MULTILINE)
_CONTACTS = """
create view contacts as
select *, 1000 + row_number() over (order by contact_id) as record_id, lower(contact_id) || '@exemple.fr' as email from simulated_contacts
"""
"""In other systems a contact has a number and an e-mail."""


def write_exports(company: Company, out: Path, templates: Sequence[str]) -> list[Path]:
    """Write the files that these templates read, of one company: the same person is in all of them. Same company, same rows.

    Raises
    ------
    UsageError
        A file is there already.
    """
    queries = {name: query for template in dict.fromkeys(templates) for name, query in _queries(template)}
    taken = [out / name for name in queries if (out / name).exists()]
    if taken:
        raise UsageError(reason=f"{taken[0]} is there already; name another folder, or remove it first.")
    out.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        for name, table in company.tables.items():
            connection.register(f"simulated_{name}" if name == "contacts" else name, table)
        connection.execute(_CONTACTS)
        for name, query in queries.items():
            _write(connection.sql(query), out / name)
    return [out / name for name in queries]


def _queries(template: str) -> list[tuple[str, str]]:
    _, *pieces = _FILE.split((FOLDER / template / "sample.sql").read_text(encoding="utf-8"))
    return list(zip(pieces[::2], pieces[1::2], strict=True))


def _write(rows: duckdb.DuckDBPyRelation, path: Path) -> None:
    if path.suffix == ".parquet":
        rows.to_parquet(str(path))
    else:
        rows.to_csv(str(path), header=True, quotechar='"', quoting="ALL")
