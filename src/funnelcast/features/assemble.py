"""Put the blocks together: one row per contact and as_of, one set of definitions for training, batch and the service."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache

import ibis
import ibis.expr.types as ir

from funnelcast.features.agreements import DEALS, INVOICES, SUBSCRIPTIONS
from funnelcast.features.contact import attribute_features, calendar_features, contact_features
from funnelcast.features.definition import KEYS, ROW, Block, Feature
from funnelcast.features.purchases import PURCHASES
from funnelcast.features.surveys import ANSWERS
from funnelcast.features.touches import TOUCHES, points
from funnelcast.sources.as_of import known_beside
from funnelcast.sources.facts import Facts, Source
from funnelcast.sources.schema import TABLES

_BLOCKS: tuple[Block, ...] = (PURCHASES, TOUCHES, ANSWERS, SUBSCRIPTIONS, INVOICES, DEALS)


def build(facts: Facts, cohort: ir.Table) -> ir.Table:
    """Compute every feature that the company's tables allow, each from what was known before the row's own as_of.

    Parameters
    ----------
    cohort
        contact_id and as_of, no pair twice. The expression holds no date, so it compiles once and serves any as_of.

    Returns
    -------
    contact_id, as_of, then the columns of ``feature_set`` in its order; one row per row of the cohort, in no order.
    """
    keys = _numbered(cohort).alias("cohort_keys")
    rows = keys.mutate(**{feature.name: feature.value(keys) for feature in calendar_features(facts)})
    values: dict[str, ir.Table] = {}
    for block in _blocks(facts):
        for features, prepared in _prepared(facts, block, _beside(keys, block, values)):
            found = prepared.group_by(ROW).aggregate(**{feature.name: feature.value(prepared) for feature in features})
            values |= {feature.name: found for feature in features}
            rows = _attach(rows, found, features)
    if facts.has("contacts"):
        known = known_beside(facts, "contacts", keys)
        features = _of_contact(facts)
        rows = _attach(rows, known.select(ROW, **{feature.name: feature.value(known) for feature in features}), features)
    return rows.select(*KEYS, *feature_set(facts))


def definitions(facts: Facts) -> tuple[Feature, ...]:
    """Give the features that the company's tables allow, in the order of the columns."""
    found = calendar_features(facts) + tuple(feature for block in _blocks(facts) for feature in block.features(facts))
    return found + (_of_contact(facts) if facts.has("contacts") else ())


def feature_set(facts: Facts) -> dict[str, str]:
    """Give each column of ``build`` with ``number`` or ``category``, in order."""
    return {feature.name: feature.kind for feature in definitions(facts)}


def words(facts: Facts) -> dict[str, dict[str, str]]:
    """Give each feature's name in English and French, as reasons use it."""
    return {feature.name: {"en": feature.en, "fr": feature.fr} for feature in definitions(facts)}


def fingerprint(facts: Facts) -> str:
    """Give the hash of one company's feature set: the definitions, which of them apply, and what source.toml says that enters them."""
    stated = [feature_set(facts), points(facts), sorted(facts.source.offline), definition()]
    return hashlib.sha256(json.dumps(stated).encode()).hexdigest()


@cache
def definition() -> str:
    """Give the hash of every feature as this code defines it: names, types and SQL for a company that brings every table and column."""
    tables = {name: ibis.table({column: known.type_of(column) for column in known.names}, name=name) for name, known in TABLES.items()}
    brought = {name: frozenset(known.names) for name, known in TABLES.items()}
    facts = Facts(Source("every table"), ibis.duckdb.connect(), tables, brought)
    cohort = ibis.table({"contact_id": "string", "as_of": "timestamp"}, name="cohort")
    sql = str(ibis.to_sql(build(facts, cohort), dialect="duckdb"))
    return hashlib.sha256(json.dumps([feature_set(facts), sql]).encode()).hexdigest()


def _numbered(cohort: ir.Table) -> ir.Table:
    """Give each row a number, in an order of its own: an engine that computes them twice finds the same ones."""
    number = ibis.row_number().over(ibis.window(order_by=KEYS)).cast("int32")
    return cohort.select(*KEYS, **{ROW: number})


def _blocks(facts: Facts) -> tuple[Block, ...]:
    told = (block for block in _BLOCKS if facts.has(block.table) and (block is not DEALS or facts.brings("deals", "contact_id")))
    return tuple(block for block in told if block.features(facts))


def _beside(keys: ir.Table, block: Block, values: Mapping[str, ir.Table]) -> ir.Table:
    """Put the values of an earlier block that a block reads beside the cohort's keys, where the company has them."""
    if not block.beside or block.beside[0] not in values:
        return keys
    found = values[block.beside[0]].select(ROW, *block.beside)
    return keys.left_join(found, ROW).select(*keys.columns, *block.beside)


def _prepared(facts: Facts, block: Block, rows: ir.Table) -> Iterator[tuple[tuple[Feature, ...], ir.Table]]:
    """Give the features of a block with what they aggregate: its facts, then its days."""
    prepared = block.prepare(facts, known_beside(facts, block.table, rows, block.where))
    if block.days is None:
        yield block.features(facts), prepared
    else:
        prepared = prepared.alias(f"known_{block.table}")  # computed once for both
        yield tuple(feature for feature in block.features(facts) if not feature.daily), prepared
        yield tuple(feature for feature in block.features(facts) if feature.daily), block.days(facts, prepared)


def _of_contact(facts: Facts) -> tuple[Feature, ...]:
    own = contact_features(facts)
    before = calendar_features(facts) + tuple(feature for block in _blocks(facts) for feature in block.features(facts))
    taken = [feature.name for feature in before + own]
    return own + attribute_features(facts, taken)


def _attach(rows: ir.Table, values: ir.Table, features: tuple[Feature, ...]) -> ir.Table:
    joined = rows.left_join(values, ROW)  # by name from here on: the tables' own columns would be taken from either side
    filled = {
        feature.name: joined[feature.name] if feature.empty is None else ibis.coalesce(joined[feature.name], feature.empty)
        for feature in features
    }
    return joined.select(*rows.columns, **filled)
