"""A simulated company as other systems would export it: what the templates of source.toml read, large enough to train on."""

from __future__ import annotations

import re
import shutil
import tempfile
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
    queries = _queries(templates)
    require_free(out, templates)
    out.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=out, prefix=".exporting."))
    try:
        with duckdb.connect() as connection:
            for name, table in company.tables.items():
                connection.register(f"simulated_{name}" if name == "contacts" else name, table)
            connection.execute(_CONTACTS)
            for name, query in queries.items():
                _write(connection.sql(query), beside / name)
        return [(beside / name).replace(out / name) for name in queries]
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def require_free(out: Path, templates: Sequence[str]) -> None:
    """Refuse to write exports over files that are there already.

    Raises
    ------
    UsageError
        One is.
    """
    taken = [out / name for name in _queries(templates) if (out / name).exists()]
    if taken:
        raise UsageError(reason=f"{taken[0]} is there already; name another folder, or remove it first.")


def _queries(templates: Sequence[str]) -> dict[str, str]:
    """Give the query of each file, by its name."""
    queries: dict[str, str] = {}
    for template in dict.fromkeys(templates):
        _, *pieces = _FILE.split((FOLDER / template / "sample.sql").read_text(encoding="utf-8"))
        queries |= dict(zip(pieces[::2], pieces[1::2], strict=True))
    return queries


def _write(rows: duckdb.DuckDBPyRelation, path: Path) -> None:
    if path.suffix == ".parquet":
        rows.to_parquet(str(path))
    else:
        rows.to_csv(str(path), header=True, quotechar='"', quoting="ALL")
