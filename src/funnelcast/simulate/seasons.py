"""The simulated calendar: days since the start, seasons, opening days, fairs, and the operational time in which buyers live."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

import holidays
import numpy as np
import numpy.typing as npt

from funnelcast.simulate.world import CHANNELS, EMAIL, EVENT, PHONE, SEARCH, SOCIAL, STORE, WEB

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

END = date(2026, 1, 1)
"""The first day that isn't observed any more."""

_PURCHASES_BY_MONTH = (0.98, 0.88, 0.95, 0.98, 0.97, 1.00, 0.98, 0.78, 1.02, 1.03, 1.12, 1.36)
_ARRIVALS_BY_MONTH = (1.10, 0.98, 1.08, 1.02, 0.98, 0.95, 0.80, 0.62, 1.20, 1.15, 1.18, 0.94)
_PURCHASES_BY_WEEKDAY = (0.80, 0.95, 1.05, 1.00, 1.15, 1.60, 0.45)
_TOUCHES_BY_WEEKDAY = {
    WEB: (1.08, 1.05, 1.02, 1.00, 0.92, 0.88, 1.05),
    SEARCH: (1.08, 1.06, 1.04, 1.00, 0.94, 0.88, 1.00),
    SOCIAL: (0.92, 0.94, 0.98, 1.00, 1.02, 1.06, 1.08),
    EMAIL: (0.85, 1.45, 1.05, 1.45, 0.90, 0.65, 0.65),
    STORE: (0.75, 0.90, 1.05, 0.90, 1.15, 2.25, 0.0),
    PHONE: (1.45, 1.45, 1.35, 1.40, 1.35, 0.0, 0.0),
}
_FAIRS = (("salon-habitat", 1, 18, 4), ("salon-pro-batir", 3, 12, 3), ("foire-de-paris", 4, 28, 5), ("salon-bureau", 6, 4, 3),
          ("salon-equip-hotel", 9, 22, 4), ("forum-pme", 11, 17, 3))  # fmt: skip
_SHUT = {(1, 1), (5, 1), (12, 25)}


@dataclass(frozen=True)
class Seasons:
    """The months that are simulated, day by day, each factor with mean one.

    Parameters
    ----------
    months
        How many, ending where the facts end.
    strength
        Exponent of every seasonal factor; 0 gives flat seasons (shops still shut, fairs still have their days).
    """

    months: int
    strength: float

    @cached_property
    def start(self) -> date:
        """The first day."""
        back = END.year * 12 + END.month - 1 - self.months
        return date(back // 12, back % 12 + 1, 1)

    @cached_property
    def days(self) -> int:
        """How many days are simulated."""
        return (END - self.start).days

    @cached_property
    def dates(self) -> tuple[date, ...]:
        """Every day."""
        return tuple(self.start + timedelta(days=day) for day in range(self.days))

    @property
    def origin(self) -> np.datetime64:
        """The instant of time 0."""
        return np.datetime64(datetime(self.start.year, self.start.month, self.start.day), "us")  # noqa: DTZ001 (wall-clock)

    @cached_property
    def weekday(self) -> Ints:
        """Monday is 0."""
        return (np.arange(self.days) + self.start.weekday()) % 7

    @cached_property
    def month(self) -> Ints:
        """Months since the start."""
        return np.array([(day.year - self.start.year) * 12 + day.month - self.start.month for day in self.dates])

    @cached_property
    def holiday(self) -> Bools:
        """The public holidays of France."""
        french = holidays.country_holidays("FR", years=range(self.start.year, END.year))
        return np.array([day in french for day in self.dates])

    @cached_property
    def open(self) -> Bools:
        """When shops are open: not on Sundays, nor on the three days when France stands still."""
        return np.array([day.weekday() != 6 and (day.month, day.day) not in _SHUT for day in self.dates])

    @cached_property
    def working(self) -> Bools:
        """The days on which offices work."""
        return (self.weekday < 5) & ~self.holiday

    @cached_property
    def month_end(self) -> Bools:
        """The last day of a month."""
        return np.array([(day + timedelta(days=1)).day == 1 for day in self.dates])

    @cached_property
    def quarter_position(self) -> Ints:
        """Days left in the calendar quarter, 0 on its last day."""
        return np.array([(_quarter_end(day) - day).days for day in self.dates])

    @cached_property
    def purchases(self) -> Floats:
        """The season of buying: the year, the week, the sales, Black Friday, the days before Christmas."""
        base = _yearly(self.dates, _PURCHASES_BY_MONTH) * np.array(_PURCHASES_BY_WEEKDAY)[self.weekday]
        return self._normalised(base * np.array([_rush(day) for day in self.dates]))

    @cached_property
    def operational(self) -> Floats:
        """Operational time at each midnight (days + 1 values): a buyer's clock runs fast where the season is high."""
        return np.concatenate([[0.0], np.cumsum(self.purchases)])

    @cached_property
    def touches(self) -> Floats:
        """The season of touches and arrivals by channel and day, before budgets."""
        yearly = _yearly(self.dates, _ARRIVALS_BY_MONTH)
        table: Floats = np.empty((len(CHANNELS), self.days))
        for channel, weekdays in _TOUCHES_BY_WEEKDAY.items():
            table[channel] = self._normalised(yearly * np.array(weekdays)[self.weekday])
        table[STORE] *= self.open
        table[PHONE] *= self.working
        table[EVENT] = self.fair >= 0
        normalised: Floats = table / np.maximum(table.mean(axis=1, keepdims=True), 1e-12)
        return normalised

    @cached_property
    def fair(self) -> Ints:
        """Which trade fair is on, by its place in the list; -1 where none is."""
        on = np.full(self.days, -1)
        for number, (_, month, first, length) in enumerate(_FAIRS):
            for year in range(self.start.year, END.year):
                day = (date(year, month, first) - self.start).days
                on[max(day, 0) : max(day + length, 0)] = number
        return on

    @staticmethod
    def fair_names() -> tuple[str, ...]:
        """Name the trade fairs of a year."""
        return tuple(name for name, *_ in _FAIRS)

    def to_operational(self, time: Floats) -> Floats:
        """Give operational time of calendar time, both in days since the start."""
        return np.interp(time, np.arange(self.days + 1), self.operational)

    def to_calendar(self, operational: Floats) -> Floats:
        """Give calendar time of operational time."""
        return np.interp(operational, self.operational, np.arange(self.days + 1))

    def day_of(self, time: Floats) -> Ints:
        """Give the day in which a time lies."""
        return np.clip(np.floor(time), 0, self.days - 1).astype(np.int64)

    def next_open(self, day: Ints) -> Ints:
        """Give the day itself or the next on which shops are open (``days`` where none is left)."""
        opened: Ints = np.append(_next(self.open), self.days)[day]
        return opened

    def next_working(self, day: Ints) -> Ints:
        """Give the day itself or the next working one (``days`` where none is left)."""
        worked: Ints = np.append(_next(self.working), self.days)[np.minimum(day, self.days)]
        return worked

    def _normalised(self, factor: Floats) -> Floats:
        powered: Floats = np.where(factor > 0, np.power(np.maximum(factor, 1e-12), self.strength), 0.0)
        powered /= powered.mean()
        return powered


def _next(good: Bools) -> Ints:
    days = np.where(good, np.arange(len(good)), len(good))
    following: Ints = np.minimum.accumulate(days[::-1])[::-1]
    return following


def _yearly(dates: tuple[date, ...], by_month: tuple[float, ...]) -> Floats:
    """Interpolate between the middles of the months, so that no month begins with a jump."""
    place = np.array([day.month - 1 + (day.day - 0.5) / 30.5 for day in dates])
    middles = np.arange(-1, 13) + 0.5
    interpolated: Floats = np.interp(place, middles, np.array((by_month[-1], *by_month, by_month[0])))
    return interpolated


def _rush(day: date) -> float:
    if (day.month, day.day) >= (12, 5) and (day.month, day.day) <= (12, 23):
        return 1.30
    if (day.month, day.day) > (12, 24):
        return 0.70
    sales = (day.month == 1 and 8 <= day.day <= 28) or (day.month == 6 and day.day >= 25) or (day.month == 7 and day.day <= 15)
    if sales:
        return 1.18
    return 1.60 if day.month == 11 and 22 <= day.day <= 30 and day.weekday() in {4, 5, 6, 0} else 1.0


def _quarter_end(day: date) -> date:
    quarter = (day.month - 1) // 3
    return date(day.year + quarter // 3, (quarter + 1) % 4 * 3 + 1, 1) - timedelta(days=1)
