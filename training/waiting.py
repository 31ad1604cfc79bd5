"""What it costs to leave a champion as it is until the next look: the expected loss of waiting, as the sum of three named parts.

Each part is a share of the simple rule's loss, as skill is: 0.01 is one hundredth of skill (1 - the model's loss / the simple rule's).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from funnelcast import champions, features
from funnelcast.champions import Champion
from funnelcast.errors import FunnelcastError, SpecError
from funnelcast.families.registry import family_of
from funnelcast.families.scoring import account
from funnelcast.families.scoring.model import ScoringModel
from funnelcast.families.scoring.rows import read_tables
from funnelcast.settings import Settings
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.sources.section import nearest
from funnelcast.spec import Spec, read
from funnelcast.terms import AsOf, Json
from training.drift import Inputs, at_stake, inputs_of
from training.performance import Performance

AGED_PER_DAY = 4e-5
"""What a model loses a day by its age alone, where nothing changes but time: a share of the simple rule's loss; 0.01 in 250 days.

Measured on eight simulated companies by ``python -m benchmarks.ageing 8 3000``: 1.8e-5 +- 1.5e-5 for churn, 6.4e-5 +- 2.7e-5 for lead
scoring (benchmarks/RESULTS.md); taken for the other kinds of model too.
"""

LOST_WHERE_MOVED = 0.5
"""An assumption: of the rows that moved, half lose all that the model is better by than the simple rule."""

URGENT = 5.0
"""So many times what is tolerated breaks the cool-down."""


@dataclass(frozen=True)
class Rules:
    """The section ``[retrain]`` of spec.toml.

    Parameters
    ----------
    tolerated
        The expected loss of waiting above which a model is retrained.
    cool_down_days
        No model is retrained within so many days of the facts that it knows: one more week of facts changes little.
    """

    tolerated: float = 0.01
    cool_down_days: float = 6.0

    @classmethod
    def of(cls, spec: Spec) -> Rules:
        """Read them.

        Raises
        ------
        SpecError
            A key isn't known, or its value is no number of 0 or more; names the nearest known one.
        """
        known = {name: getattr(cls, name) for name in ("tolerated", "cool_down_days")}
        for key, value in spec.retrain.items():
            if key not in known:
                raise SpecError(path=f"models/{spec.name}/spec.toml", reason=f"[retrain] has no key {key!r}{nearest(key, known)}")
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
                raise SpecError(
                    path=f"models/{spec.name}/spec.toml", reason=f"[retrain] {key} must be a number of 0 or more; got {value!r}"
                )
        return cls(**{key: float(value) for key, value in spec.retrain.items()})


@dataclass(frozen=True)
class Part:
    """One reason why waiting costs, and how much; ``share`` is None where it can't be known."""

    share: float | None
    text: str


@dataclass(frozen=True, eq=False)
class Waiting:
    """One champion, and what leaving it as it is costs."""

    settings: Settings
    facts: Facts
    champion: Champion
    as_of: AsOf

    @cached_property
    def spec(self) -> Spec:
        """What the model is."""
        return read(self.settings.models, self.champion.about.model)

    @cached_property
    def rules(self) -> Rules:
        """What is tolerated."""
        return Rules.of(self.spec)

    @cached_property
    def performance(self) -> Performance:
        """How well it does."""
        return Performance(self.settings, self.facts, self.champion, self.as_of)

    @property
    def age_days(self) -> float:
        """How long ago its facts end."""
        return self.performance.trained.days_until(self.as_of)

    @cached_property
    def parts(self) -> dict[str, Part]:
        """The parts by name, each with what it rests on."""
        return {"aged": self._aged(), "moved": self._moved(), "missed": self._missed()}

    @property
    def total(self) -> float:
        """The sum of the parts that are known."""
        return sum(part.share or 0.0 for part in self.parts.values())

    def outdated(self) -> str | None:
        """Say why the service would refuse the champion, or what it can't read of the facts; None where neither is so."""
        about = self.champion.about
        if about.code != champions.code_digest() and family_of(about.family).fingerprint(self.champion.model) != about.features:
            return "its features are computed otherwise now than when it was trained, so that the service refuses it"
        return None

    def untried(self) -> list[str]:
        """Name the features that the facts give now and didn't when it was trained."""
        model = self.champion.model
        if not isinstance(model, ScoringModel):
            return []
        given = features.feature_set(read_tables(cut(self.facts, self.as_of), self.spec))
        return [name for name in given if name not in model.columns and name not in model.read.left_out]

    def money(self) -> dict[str, float]:
        """Give what the answers amount to now, where they are in money, and what waiting costs if money is lost as skill is."""
        model = self.champion.about.model
        amount = at_stake({model: self.performance.answers}).get(model)
        return {} if amount is None else {"at_stake": amount, "cost": self.total * abs(amount)}

    def document(self) -> dict[str, Json]:
        """Give the parts as JSON."""
        return {
            "expected_loss_of_waiting": self.total,
            "tolerated": self.rules.tolerated,
            "parts": {name: {"share": part.share, "text": part.text} for name, part in self.parts.items()},
        }

    def _aged(self) -> Part:
        return Part(AGED_PER_DAY * max(self.age_days, 0.0), f"its facts end {self.age_days:.0f} days ago")

    def _moved(self) -> Part:
        try:
            inputs = inputs_of(self.settings, self.facts, self.champion, self.as_of)
            weights = _weights(inputs)
        except FunnelcastError as error:
            return Part(None, str(error))
        moved = {change.name: weights[change.name] * change.effect for change in inputs.found if change.drifted and change.name in weights}
        if not moved:
            return Part(0.0, "none of its inputs drifted")
        skill = self._skill()
        if skill is None:
            return Part(None, "its skill isn't known")
        named = ", ".join(sorted(moved, key=lambda name: -moved[name])[:3])
        share = LOST_WHERE_MOVED * sum(moved.values()) * max(skill, 0.0)
        return Part(share, f"{100 * sum(moved.values()):.1f} % of what its inputs weigh moved ({named}); skill {skill:.3f}")

    def _missed(self) -> Part:
        """Say how much less skill it has on rows that it hadn't seen than when it was trained, less one standard error of that."""
        try:
            unseen = self.performance.unseen
        except FunnelcastError as error:
            return Part(None, str(error))
        if isinstance(unseen, str):
            return Part(None, unseen)
        now, then = self._realised(), self.champion.about.skill
        if now is None or then is None:
            return Part(None, "its skill when it was trained, or since, isn't known")
        skill, error_of_it = now
        text = f"skill {skill:.3f} ± {error_of_it:.3f} on {len(unseen.rows)} rows since, {then:.3f} when it was trained"
        return Part(max(0.0, then - skill - error_of_it), text)

    def _skill(self) -> float | None:
        kept = self.champion.about.skill
        realised = self._realised() if kept is None else None
        return kept if realised is None else realised[0]

    def _realised(self) -> tuple[float, float] | None:
        unseen = self.performance.unseen
        found = {} if isinstance(unseen, str) else unseen.figures()
        skill, error = found.get("skill"), found.get("skill_se")
        return (skill, error) if isinstance(skill, float) and isinstance(error, float) else None


def _weights(inputs: Inputs) -> Mapping[str, float]:
    """Give the share that each input has in moving the answers; where the model doesn't tell, all weigh alike."""
    model, sample = inputs.champion.model, inputs.sample
    if sample is None:
        return {}
    if isinstance(model, ScoringModel) and len(sample.rows):
        newest = sample.rows[sample.block == sample.block.max()]
        strength = account.contributions(model, newest).abs().mean()
        return {str(name): float(value) for name, value in (strength / max(float(strength.sum()), np.finfo(float).tiny)).items()}
    return dict.fromkeys(model.columns, 1 / len(model.columns))
