"""Put the blocks together: one row per contact and as_of, one set of definitions for training, batch and the service."""

from __future__ import annotations

import hashlib
import json
from functools import cache

import ibis
import ibis.expr.types as ir

from funnelcast.features.agreements import DEALS, INVOICES, SUBSCRIPTIONS
from funnelcast.features.contact import attribute_features, calendar_features, contact_features
from funnelcast.features.definition import KEYS, Block, Feature
from funnelcast.features.purchases import PURCHASES
from funnelcast.features.touches import TOUCHES, points
from funnelcast.sources.as_of import known_to
from funnelcast.sources.facts import Facts, Source
from funnelcast.sources.schema import TABLES

_BLOCKS: tuple[Block, ...] = (PURCHASES, TOUCHES, SUBSCRIPTIONS, INVOICES, DEALS)


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
    rows = cohort.select(*KEYS)
    rows = rows.mutate(**{feature.name: feature.value(rows) for feature in calendar_features(facts)})
    for block in _blocks(facts):
        features = block.features(facts)
        prepared = _beside(block.prepare(facts, known_to(facts, block.table, cohort)), rows, block)
        values = prepared.group_by(*KEYS).aggregate(**{feature.name: feature.value(prepared) for feature in features})
        rows = _attach(rows, values, features)
    if facts.has("contacts"):
        known = known_to(facts, "contacts", cohort)
        features = _of_contact(facts)
        rows = _attach(rows, known.select(*KEYS, **{feature.name: feature.value(known) for feature in features}), features)
    return rows


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


def _blocks(facts: Facts) -> tuple[Block, ...]:
    return tuple(block for block in _BLOCKS if facts.has(block.table) and (block is not DEALS or facts.brings("deals", "contact_id")))


def _beside(prepared: ir.Table, rows: ir.Table, block: Block) -> ir.Table:
    known = [name for name in block.beside if name in rows.columns]
    return prepared.left_join(rows.select(*KEYS, *known), KEYS).select(*prepared.columns, *known) if known else prepared


def _of_contact(facts: Facts) -> tuple[Feature, ...]:
    own = contact_features(facts)
    before = calendar_features(facts) + tuple(feature for block in _blocks(facts) for feature in block.features(facts))
    taken = [feature.name for feature in before + own]
    return own + attribute_features(facts, taken)


def _attach(rows: ir.Table, values: ir.Table, features: tuple[Feature, ...]) -> ir.Table:
    joined = rows.left_join(values, KEYS)  # by name from here on: the tables' own columns would be taken from either side
    filled = {
        feature.name: joined[feature.name] if feature.empty is None else ibis.coalesce(joined[feature.name], feature.empty)
        for feature in features
    }
    return joined.select(*rows.columns, **filled)
