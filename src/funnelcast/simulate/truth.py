"""The truth about a simulated company, as one JSON document."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import cast

from funnelcast.simulate import customers, deals, engagement, invoices
from funnelcast.simulate.coalitions import SETS, shapley
from funnelcast.simulate.counterfactual import Increments
from funnelcast.simulate.market import Market
from funnelcast.simulate.seasons import END
from funnelcast.simulate.world import CHANNELS, KINDS, SOURCES, STAGE_HAZARDS, STAGES, STREAMS
from funnelcast.terms import Json


def document(market: Market, contacts: int, seed: int, increments: Increments) -> dict[str, Json]:
    """Give what truth.json says: the laws, each channel's increments, and the files with what differs by contact and deal.

    Under ``channels``, all counts are first purchases unless they say otherwise:

    incremental_conversions
        Lost when the channel is switched off under common random numbers: ``by_acquisition`` because the leads that it brought don't
        come, ``by_touches`` because touches are missing. ``incremental_purchases`` and ``incremental_revenue`` are all that those
        customers buy until the end.
    expected_incremental_conversions
        The same in expectation over every lead's chance: what an estimate of the increments should be judged by.
    shapley_conversions
        The channel's fair share of what all channels cause together; these add up to that total.
    hazard_share
        How much of the hazard at the moment of purchase came from the channel's touches; with ``organic_hazard_share`` these add up to
        ``conversions``.
    """
    laws: dict[str, object] = {
        "contacts": contacts,
        "seed": seed,
        "months": market.seasons.months,
        "observed_until": str(END - timedelta(days=1)),
        "files": {name: f"truth_{name}.parquet" for name in ("leads", "customers", "deals")},
        "world": asdict(market.world),
        "channels": {name: _channel(increments, code) for code, name in enumerate(CHANNELS)},
        "all_channels": {
            **_switched_off(increments, len(CHANNELS)),
            "expected_incremental_conversions": float(increments.expected[-1] - increments.expected[0]),
        },
        "conversions": float(increments.conversions[-1]),
        "expected_conversions": float(increments.expected[-1]),
        "organic_hazard_share": float(increments.hazard_share[-1]),
        "kinds": {kind.name: {"worth": kind.worth, "typical_minutes": kind.minutes} for kind in KINDS},
        "streams": [stream._asdict() | {"channel": CHANNELS[stream.channel]} for stream in STREAMS],
        "source_quality": {name: source.quality for name, source in zip(CHANNELS, SOURCES, strict=True)},
        "buyers": {
            "time_unit": "week",
            "habits": list(customers.HABITS),
            "habit_online": customers.HABIT_ONLINE.tolist(),
            "habit_moves": customers.HABIT_MOVES.tolist(),
            "season_by_day": market.seasons.purchases.round(9).tolist(),
        },
        "surveys": {
            "mean": engagement.NPS_MEAN,
            "per_dropout": -engagement.NPS_DROPOUT,
            "farewell": -engagement.NPS_FAREWELL,
            "noise": engagement.NPS_NOISE,
        },
        "deals": {
            "stages": {stage: hazard._asdict() for stage, hazard in zip(STAGES, STAGE_HAZARDS, strict=False)},
            "owner_skill": dict(zip(market.owners, market.skill.tolist(), strict=True)),
            "shock_by_month": market.shock.tolist(),
            "neglected_share": deals.NEGLECTED,
            "frailty": deals.FRAILTY,
        },
        "payments": {
            "lateness_shape": invoices.LATENESS_SHAPE,
            "lateness_mean": invoices.LATENESS_MEAN,
            "prompt": invoices.PROMPT,
            "delay_shape": invoices.DELAY_SHAPE,
            "disputed_share": invoices.DISPUTED,
            "run_share": invoices.RUN_SHARE,
        },
    }
    return cast("dict[str, Json]", laws)


def _channel(increments: Increments, code: int) -> dict[str, float]:
    return {
        "leads": float(increments.leads[code]),
        "conversions_of_leads": float(increments.conversions[code]),
        **_switched_off(increments, code),
        "hazard_share": float(increments.hazard_share[code]),
        "expected_incremental_conversions": float(increments.expected[-1] - increments.expected[SETS - 1 - (1 << code)]),
        "shapley_conversions": float(shapley(increments.expected)[code]),
    }


def _switched_off(increments: Increments, code: int) -> dict[str, float]:
    """Give what falls away without the channel; ``incremental_conversions`` is the sum of its two ways of working."""
    return {
        "incremental_conversions": float(increments.by_acquisition[code] + increments.by_touches[code]),
        "by_acquisition": float(increments.by_acquisition[code]),
        "by_touches": float(increments.by_touches[code]),
        "incremental_purchases": float(increments.purchases[code]),
        "incremental_revenue": round(float(increments.revenue[code]), 2),
    }
