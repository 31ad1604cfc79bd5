"""The service's features and scores are the training's: the facts of a contact through JSON and back, by the SQL compiled once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
from pandas.testing import assert_frame_equal

from funnelcast import features
from funnelcast.cohorts import every_contact
from funnelcast.families.churn import FAMILY as CHURN
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from tests.unit.families.scoring_company import SPECS, earlier, facts

TABLES_OF_FEATURES = ("contacts", "transactions", "touchpoints", "subscriptions", "invoices", "deals")


def request_of(known: Facts, contacts: list[str]) -> str:
    """The facts of some contacts as a CRM would send them."""
    document = {
        name: json.loads(
            table.filter(table.contact_id.isin(contacts)).execute().to_json(orient="records", date_format="iso", date_unit="us")
        )
        for name, table in known.tables.items()
        if name in TABLES_OF_FEATURES
    }
    return json.dumps(document)


def received(request: str, like: Facts) -> Facts:
    """What the service makes of it: typed by the schema of the company's tables, of which it has no row."""
    tables = {}
    for name, records in json.loads(request).items():
        schema = like.tables[name].schema().to_pyarrow()
        frame = pd.DataFrame(records, columns=schema.names)
        stamps = {field.name: "datetime64[us]" for field in schema if pa.types.is_timestamp(field.type)}
        tables[name] = pa.Table.from_pandas(frame.astype(stamps), schema=schema, preserve_index=False)
    connection = ibis.duckdb.connect()
    made = {name: connection.create_table(name, table) for name, table in tables.items()}
    return Facts(like.source, connection, made, like.brought, like.observed_until)


def test_the_same_features_and_scores_through_json_and_back() -> None:
    company, family, spec = facts(), CHURN, SPECS["churn"]
    assert company.observed_until is not None
    as_of = company.observed_until.plus(-40)
    known = cut(company, as_of)
    batch = family.candidates(known, spec, None, as_of).order_by("contact_id").limit(60).execute()
    served = received(request_of(known, batch["contact_id"].tolist()), known)
    rows = family.candidates(served, spec, every_contact(served, [as_of]), as_of).order_by("contact_id").execute()
    assert_frame_equal(rows, batch, check_exact=True)
    model = family.rebuild(family.fit(earlier(family).iloc[::3], spec).files())
    columns = list(model.columns)
    assert_frame_equal(model.predict(rows[columns]), model.predict(batch[columns]), check_exact=True)


def test_one_compiled_query_serves_any_instant() -> None:
    company = facts()
    connection: Any = company.backend
    cohort = ibis.table({"contact_id": "string", "as_of": "timestamp"}, name="asked")
    sql = str(ibis.to_sql(features.build(company, cohort), dialect="duckdb"))
    assert company.observed_until is not None
    direct = every_contact(company, [company.observed_until.plus(-123.4)])
    connection.create_table("asked", direct.to_pyarrow(), overwrite=True)
    compiled = connection.raw_sql(sql).df().sort_values("contact_id", ignore_index=True)
    computed = features.build(company, direct).order_by("contact_id").execute()
    assert_frame_equal(compiled, computed, check_dtype=False, check_exact=True)


def test_the_fingerprint_follows_what_the_features_mean() -> None:
    company = facts()
    assert company.observed_until is not None
    assert features.fingerprint(cut(company, company.observed_until)) == features.fingerprint(company)
    fewer = company.with_tables({name: table for name, table in company.tables.items() if name != "touchpoints"}, None)
    dearer = replace(company, source=replace(company.source, engagement={"webinar": 17}))
    assert len({features.fingerprint(known) for known in (company, fewer, dearer)}) == 3
