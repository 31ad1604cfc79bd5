"""What became of the answers and forecasts in the track record, by the facts as they are known now.

An answer is judged by the label that its model was trained on, over its own [as_of, as_of + horizon); a forecast's week by what came in.
What can't be judged is told apart by its reason, and never counted as an outcome of one kind or the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.cohorts import every_contact
from funnelcast.errors import FunnelcastError, NotFound
from funnelcast.families.clv.summary import purchase_days
from funnelcast.families.registry import family_of
from funnelcast.families.scoring.family import ScoringFamily, given_label
from funnelcast.forecast.bookings_known import won
from funnelcast.forecast.periods import Period, calendar
from funnelcast.forecast.receipts import received
from funnelcast.forecast.sales.history import basis_of
from funnelcast.forecast.sales.revenue import Revenue
from funnelcast.labels import LABEL, within
from funnelcast.sources.as_of import known_to
from funnelcast.sources.facts import Facts
from funnelcast.sources.identities import resolve
from funnelcast.spec import Spec
from funnelcast.terms import AsOf

WAITING, HINDSIGHT, FORGOTTEN, REPEATED, UNKNOWN, OUTSIDE, JUDGED = REASONS = (
    "waiting",
    "hindsight",
    "forgotten",
    "repeated",
    "unknown",
    "outside",
    "judged",
)
"""What became of an answer. Waiting: its horizon isn't over. Hindsight: its model was trained on facts after its as_of. Forgotten: of a
person who was forgotten. Repeated: a later answer of the same version about the same contact and horizon on the same day counts. Unknown:
its model's outcome can't be told from the facts. Outside: the contact wasn't in question then, by the facts. Judged: the rest."""

Floats = npt.NDArray[np.float64]
_PAIR = ["contact_id", "as_of"]
_WEEK = pd.Timedelta(days=7)


@dataclass(frozen=True)
class Judge:
    """What answers are held against.

    Parameters
    ----------
    known
        The company as it was known before ``until``.
    until
        The first instant that wasn't observed: only horizons that end by then are over.
    specs
        By model, the definition that says its family, cohort and label.
    trained
        By model and version, the as_of of its training.
    """

    known: Facts
    until: AsOf
    specs: Mapping[str, Spec]
    trained: Mapping[tuple[str, int], AsOf]
    reasons: dict[str, str] = field(default_factory=dict)

    def answers(self, kept: pd.DataFrame) -> pd.DataFrame:
        """Say what became of every answer of a track record.

        Returns
        -------
        The answers with ``fate``, one of ``REASONS``, and ``outcome``: 1 or 0, of CLV the days with a purchase; NaN where not judged.
        """
        rows = kept.assign(at=pd.to_datetime(kept["as_of"], format="ISO8601").astype("datetime64[us]"), outcome=np.nan)
        rows["fate"] = self._fate(rows)
        rows["contact_id"] = self._resolved(rows["contact_id"])
        alike = [(model, asked) for (model, _), asked in rows[rows["fate"] == JUDGED].groupby(["model", "horizon_days"])]
        for model, asked in alike:
            came = self._came(str(model), asked)
            if came is None:
                rows.loc[asked.index, "fate"] = UNKNOWN
            else:
                rows.loc[asked.index, "outcome"] = came
                rows.loc[asked.index[came.isna()], "fate"] = OUTSIDE
        return rows

    def _fate(self, rows: pd.DataFrame) -> npt.NDArray[np.object_]:
        over = rows["at"] + pd.to_timedelta(rows["horizon_days"], unit="D") <= pd.Timestamp(self.until.at)
        versions = zip(rows["model"], rows["version"], strict=True)
        trained = np.array([self.trained[key].at if key in self.trained else None for key in versions], dtype="datetime64[us]")
        kind = ["model", "version", "horizon_days", "pseudonym"]
        later = rows.sort_values("at", kind="stable").assign(day=rows["at"].dt.floor("D")).duplicated([*kind, "day"], keep="last")
        checks = [~over, rows["at"].to_numpy() < trained, rows["contact_id"].isna(), later.reindex(rows.index)]
        return np.select([np.asarray(check) for check in checks], [WAITING, HINDSIGHT, FORGOTTEN, REPEATED], JUDGED).astype(object)

    def _resolved(self, contacts: pd.Series) -> pd.Series:
        """Give the contact behind an answer's id, as the facts are resolved when they are opened."""
        if not self.known.has("identities"):
            return contacts
        given = pd.DataFrame({"given": contacts.dropna().unique()}, dtype=object)
        table = ibis.memtable(given.assign(contact_id=given["given"]), schema={"given": "string", "contact_id": "string"})
        found: pd.DataFrame = resolve(table, self.known.table("identities")).execute()
        return contacts.map(found.set_index("given")["contact_id"])

    def _came(self, model: str, asked: pd.DataFrame) -> pd.Series | None:
        """Give the outcome of each asked, NaN where the contact wasn't in question; None where the facts don't tell outcomes."""
        horizon_days = round(float(asked["horizon_days"].iloc[0]))
        pairs = asked[["contact_id"]].assign(as_of=asked["at"]).drop_duplicates()
        table = ibis.memtable(pairs, schema={"contact_id": "string", "as_of": "timestamp"})
        try:
            outcomes: pd.DataFrame = self._outcomes(model, table, horizon_days).execute()
        except FunnelcastError as error:
            self.reasons[model] = str(error)
            return None
        by_pair = outcomes.astype({"as_of": "datetime64[us]"}).set_index(_PAIR)[LABEL].astype(np.float64)
        keys = pd.MultiIndex.from_arrays([asked["contact_id"], asked["at"]])
        return pd.Series(by_pair.reindex(keys).to_numpy(), index=asked.index)

    def _outcomes(self, model: str, asked: Any, horizon_days: int) -> Any:
        if model not in self.specs:
            raise NotFound(what="model", name=model, advice="Its folder of models/ says what its answers mean.")
        spec = self.specs[model]
        family = family_of(spec.family)
        if not isinstance(family, ScoringFamily):
            return purchases(self.known, asked, horizon_days)
        if given_label(self.known, spec) is not None:
            raise NotFound(what="date of the outcome of", name=model, advice="A column of contacts states it, and says nothing of when.")
        return family.label(self.known, spec)(self.known, family.cohort(self.known, spec, asked), horizon_days)


def purchases(known: Facts, asked: Any, horizon_days: int) -> Any:
    """Count the days with a purchase within the horizon of those asked who had bought before their as_of, as CLV counts them."""
    customers = known_to(known, "transactions", every_contact(known, asked, "transactions")).select(*_PAIR).distinct()
    days = purchase_days(within(known.table("transactions"), customers, "occurred_at", horizon_days), *_PAIR)
    counted = customers.left_join(days.group_by(*_PAIR).aggregate(days=days.count()), _PAIR)
    return counted.select(*_PAIR, **{LABEL: counted.days.fill_null(0)})


ACTUALS: Mapping[str, Callable[[Facts, tuple[Period, ...]], Floats]] = {
    "sales": lambda known, weeks: Revenue.of(known, basis_of(known)).by_period(weeks),
    "pipeline": won,
    "receipts": received,
}
"""What the forecasts of each quantity are judged by: the targets of their back-tests."""


def of_forecasts(known: Facts, until: AsOf, stored: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Hold the forecasts of one quantity against what came in, week by week.

    Whole weeks that are over count; of those forecast several times at one distance the latest forecast counts.

    Returns
    -------
    The stored periods with ``lead``, the weeks from as_of to the week's end, rounded up, and ``actual``.

    Raises
    ------
    SourceError
        The facts don't tell what came in.
    """
    rows = stored[stored["quantity"] == quantity]
    instants = {name: _instants(rows[name], until.timezone) for name in ("as_of", "start", "end")}
    ahead = (instants["end"] - instants["as_of"]).dt.total_seconds() / _WEEK.total_seconds()
    rows = rows.assign(**instants, lead=np.ceil(ahead).astype(np.int64))
    whole = (rows["end"] - rows["start"] == _WEEK) & (rows["start"].dt.weekday == 0) & (rows["start"] == rows["start"].dt.floor("D"))
    over = rows[whole & (rows["end"] <= pd.Timestamp(until.at))].sort_values(["start", "lead", "as_of"])
    latest: pd.DataFrame = over.drop_duplicates(["start", "lead"], keep="last").reset_index(drop=True)
    if latest.empty:
        return latest.assign(actual=np.zeros(0))
    first, last = latest["start"].min(), latest["end"].max()
    weeks = calendar(AsOf(first.to_pydatetime(), until.timezone), "week", (last - first) // _WEEK)
    came = pd.Series(ACTUALS[quantity](known, weeks), index=[week.start for week in weeks])
    return latest.assign(actual=came.reindex(latest["start"]).to_numpy())


def _instants(texts: pd.Series, timezone: str) -> pd.Series:
    """Give wall-clock times of the zone, each distinct text read once."""
    read = {text: AsOf.parse(text, timezone).at for text in texts.unique()}
    return pd.to_datetime(texts.map(read))
