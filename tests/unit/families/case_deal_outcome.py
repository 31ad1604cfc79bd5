"""The battery's case of deal_outcome: deals that hurry at first or late, won more often when proposed, and a few that lie dead."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from funnelcast.families.deal_outcome import FAMILY
from tests.unit.families.battery import Case, spec_of


@cache
def deal_weeks() -> pd.DataFrame:
    generator = np.random.default_rng(23)
    rows: list[dict[str, object]] = []
    for number in range(500):
        opened, stage = 17_000.0 + generator.uniform(0, 500), str(generator.choice(["contact", "proposal"]))
        amount = float(generator.lognormal(8.0, 1.0))
        for week in range(40):
            pull = 0.12 if stage == "proposal" else 0.03
            won, lost = (pull if week in {1, 2, 8, 9, 10} else 0.004), 0.02
            luck = generator.uniform()
            outcome = "won" if luck < won else "lost" if luck < won + lost else "open"
            rows.append(
                {
                    "deal_id": f"secret-{number}",
                    "stage": stage,
                    "channel": "web",
                    "age_days": 7.0 * week,
                    "stage_age_days": 7.0 * week,
                    "pushes": 0.0,
                    "expected_close_days": np.nan,
                    "amount": amount,
                    "owner_win_rate": 0.5,
                    "backlog": 20.0,
                    "day": opened + 7.0 * week,
                    "lead_weeks": 0.0,
                    "entry": False,
                    "outcome": outcome,
                    "closed_amount": amount * 0.9 if outcome == "won" else np.nan,
                    "weight": 1.0,
                }
            )
            if outcome != "open":
                break
    table = pd.DataFrame(rows)
    return table.set_axis(np.arange(len(table)) * 2 + 11)


def case() -> Case:
    table = deal_weeks()
    newest = (table["day"] > 17_350).to_numpy()
    share = dict.fromkeys(("p_win", "p_lost", "p_open", "won_01", "won_52", "lost_01", "lost_52"), (0.0, 1.0))
    return Case(
        name="deal_outcome",
        family=FAMILY,
        spec=spec_of("deal_outcome", label={"horizon_days": 91, "lead_weeks": [0]}),
        rows=lambda: table[~newest],
        held_out=lambda: table[newest],
        ranges={**share, "expected_amount": (0.0, 1e9), "amount_log_sd": (0.0, 3.0)},
        margin=0.005,
        ids=("deal_id",),
    )
