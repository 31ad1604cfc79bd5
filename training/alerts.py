"""What deserves attention at a refresh: series that left their band, what flows in, stale models, drift, cash and data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from funnelcast.champions import Champion
from funnelcast.families.family import Progress
from funnelcast.monitor.alerts import Alert, data_quality, outside_band, shortfall, stale
from funnelcast.monitor.budget import Episode, blocks_needed, bound_of_newest, episodes, months_learned
from funnelcast.monitor.inflow_alerts import flow_changed
from funnelcast.monitor.said import Text, decimal, number
from funnelcast.monitor.surprises import Surprises, surprises
from funnelcast.monitor.watched import watched
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf, Json

LOOK_BACK_WEEKS = 5
"""What began within so many weeks is told, so that whoever looks once a month misses nothing."""

_SEVERAL = 2.0
_ENDED_DAYS = 70
"""A series whose figures ended so long ago has no newest period."""


@dataclass(frozen=True, eq=False)
class Watch:
    """The company's series, measured."""

    series: tuple[Surprises, ...]
    per_month: float

    @classmethod
    def of(cls, facts: Facts, as_of: AsOf) -> Watch:
        """Measure every series that goes on and is long enough."""
        going_on = [one for one in watched(facts, as_of) if (as_of.at - one.history.end).days <= _ENDED_DAYS]
        blocks = blocks_needed(len(going_on))
        measured = [surprises(one, facts.source.country, blocks) for one in going_on]
        return cls(tuple(one for one in measured if one is not None), facts.source.false_alarms_per_month)

    def begun(self) -> Iterator[Episode]:
        """Give the episodes that began within the last weeks."""
        for episode in episodes(self.series, self.per_month):
            ends = episode.surprises.ends
            if ends[-1] - ends[episode.place] < 7 * LOOK_BACK_WEEKS:
                yield episode

    def budget(self) -> dict[str, Json]:
        """State the budget and what it rests on."""
        return {"per_month": self.per_month, "series": len(self.series), "text": self._text().document()}

    def _text(self) -> Text:
        if not self.series:
            return Text("No series is long enough to be watched.", "Aucune série n'est assez longue pour être surveillée.")
        if not np.isfinite(bound_of_newest(self.series, self.per_month)):
            return Text(
                "The past of the series is too short to keep the budget of false alarms: none is told yet.",
                "Le passé des séries est trop court pour tenir le budget de fausses alertes : aucune n'est encore annoncée.",
            )
        a_month, months, count = decimal(self.per_month), number(months_learned(self.series)), number(len(self.series))
        together = Text(f"over all {count.en} series together", f"sur l'ensemble des {count.fr} séries")
        over = together if len(self.series) > 1 else Text("of the one series that there is", "sur la seule série suivie")
        alarms = Text("false alarm", "fausse alerte") if self.per_month < _SEVERAL else Text("false alarms", "fausses alertes")
        return Text(
            f"Where nothing changed, on average at most {a_month.en} {alarms.en} a month {over.en}; "
            f"how far is too far was learned on the {months.en} months before.",
            f"Si rien n'a changé, en moyenne au plus {a_month.fr} {alarms.fr} par mois {over.fr} ; "
            f"le seuil a été appris sur les {months.fr} mois précédents.",
        )


def told(episode: Episode, currency: str, timezone: str) -> Alert:
    """Word an episode by what its series counts."""
    return (outside_band if episode.surprises.watched.unit == "money" else flow_changed)(episode, currency, timezone)


def alerts(
    facts: Facts,
    as_of: AsOf,
    serving: Mapping[str, Champion],
    cash: Mapping[str, Json] | None,
    drifted: Sequence[Alert],
    progress: Progress,
) -> dict[str, Json]:
    """Gather every alert, the ones on money first."""
    progress("alerts")
    currency = facts.source.currency
    watch = Watch.of(facts, as_of)
    found = [alert for alert in (shortfall(cash, facts.source.floor, currency),) if alert] if cash else []
    found += [told(episode, currency, as_of.timezone) for episode in watch.begun()]
    found += [alert for name, champion in serving.items() if (alert := stale(name, _age_days(champion, as_of)))]
    found += [*drifted, *data_quality([finding.document() for finding in facts.findings], currency)]
    return {"alerts": [alert.document() for alert in found], "look_back_weeks": LOOK_BACK_WEEKS, "budget": watch.budget()}


def _age_days(champion: Champion, as_of: AsOf) -> float:
    return AsOf.parse(champion.about.trained_as_of, as_of.timezone).days_until(as_of)
