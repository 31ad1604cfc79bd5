"""The canonical tables: what each fact is called, its type, when it happened and when it became known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Type = Literal["string", "timestamp", "float64"]


@dataclass(frozen=True)
class Column:
    """One canonical column. ``lowest`` is the smallest value that can be right, where there is one."""

    name: str
    type: Type = "string"
    required: bool = False
    lowest: float | None = None


@dataclass(frozen=True)
class Table:
    """One canonical table.

    Parameters
    ----------
    clock
        The column that says when a row happened; ``known_at`` defaults to it. None: the row has always been known.
    outcomes
        Columns that hold a second, later event of the row, each with the columns that it determines. Each has a clock of its own:
        ``<column>_known_at``, which defaults to the column itself.
    key
        The column that no two rows may share, if any.
    attributes
        Whether columns beyond the canonical ones are kept as attributes.
    """

    name: str
    columns: tuple[Column, ...]
    clock: str | None = None
    outcomes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    key: str | None = None
    attributes: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every canonical column, clocks included, in order."""
        clocks = (*(known_at(column) for column in self.outcomes), "known_at")
        return (*(column.name for column in self.columns), *clocks)

    @property
    def required(self) -> tuple[str, ...]:
        """The columns without which the table can't be used."""
        return tuple(column.name for column in self.columns if column.required)

    def type_of(self, column: str) -> Type:
        """Give a canonical column's type; every clock is a time stamp."""
        return next((known.type for known in self.columns if known.name == column), "timestamp")


def known_at(outcome: str) -> str:
    """Name the clock of an outcome column."""
    return f"{outcome}_known_at"


def _text(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name) for name in names)


def _time(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "timestamp") for name in names)


def _key(name: str) -> Column:
    return Column(name, required=True)


def _when(name: str) -> Column:
    return Column(name, "timestamp", required=True)


def _number(name: str, *, required: bool = False, lowest: float | None = None) -> Column:
    return Column(name, "float64", required, lowest)


_ALL = (
    Table(
        "contacts",
        (
            _key("contact_id"),
            *_time("created_at"),
            *_text("source_channel"),
            *_time("became_customer_at", "disqualified_at", "opted_out_at"),
        ),
        clock="created_at",
        outcomes={"became_customer_at": (), "disqualified_at": (), "opted_out_at": ()},
        key="contact_id",
        attributes=True,
    ),
    Table("identities", (_key("identity"), _key("contact_id")), key="identity"),
    Table(
        "touchpoints",
        (
            _key("contact_id"),
            _when("occurred_at"),
            _key("channel"),
            *_text("kind", "campaign"),
            _number("duration_minutes", lowest=0),
            _number("score", lowest=0),
        ),
        clock="occurred_at",
    ),
    Table(
        "transactions",
        (
            _key("contact_id"),
            _when("occurred_at"),
            _number("amount", required=True),
            _number("margin"),
            *_text("channel", "transaction_id"),
        ),
        clock="occurred_at",
        key="transaction_id",
    ),
    Table(
        "subscriptions",
        (_key("contact_id"), _when("started_at"), *_time("ended_at"), _number("monthly_amount", lowest=0)),
        clock="started_at",
        outcomes={"ended_at": ()},
    ),
    Table(
        "deals",
        (
            _key("deal_id"),
            *_text("contact_id"),
            _when("opened_at"),
            _number("amount", lowest=0),
            *_text("owner", "channel"),
            *_time("closed_at"),
            *_text("outcome"),
            _number("closed_amount", lowest=0),
        ),
        clock="opened_at",
        outcomes={"closed_at": ("outcome", "closed_amount")},
        key="deal_id",
        attributes=True,
    ),
    Table(
        "deal_events",
        (_key("deal_id"), _when("occurred_at"), _key("stage"), _number("amount", lowest=0), *_time("expected_close_at")),
        clock="occurred_at",
    ),
    Table(
        "invoices",
        (
            _key("invoice_id"),
            _key("contact_id"),
            _when("issued_at"),
            _when("due_at"),
            _number("amount", required=True),
            *_time("paid_at"),
            *_text("deal_id"),
            *_time("part_paid_at"),
            _number("part_paid_amount", lowest=0),
        ),
        clock="issued_at",
        outcomes={"paid_at": (), "part_paid_at": ("part_paid_amount",)},
        key="invoice_id",
    ),
    Table("spend", (_when("date"), _key("channel"), _number("amount", required=True, lowest=0)), clock="date"),
    Table("cash_items", (_when("date"), _number("amount", required=True), *_text("category"))),
    Table("promotions", (_when("starts_on"), _when("ends_on"), *_text("channel", "name"))),
    Table("sales", (_when("date"), _number("amount", required=True), *_text("series")), clock="date"),
    Table("journeys", (_key("path"), _number("conversions", required=True, lowest=0), _number("value"), _number("nulls", lowest=0))),
)

TABLES: Mapping[str, Table] = MappingProxyType({table.name: table for table in _ALL})
"""Every canonical table by name. A cash item or a promotion is a plan, so it has no clock of its own; a sales row is known when its period
ends."""

WON, LOST = "won", "lost"
"""The two stages that close a deal."""


def contacts_alone(tables: Iterable[str]) -> bool:
    """Say whether contacts are the only table that names contacts, so that no other one needs their ids."""
    return [name for name in tables if "contact_id" in TABLES[name].names] == ["contacts"]
