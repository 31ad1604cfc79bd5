"""BentoML's own process, which looks after the workers, as `funnelcast serve` starts it: ``python -m serving.supervisor serve …``."""

from __future__ import annotations

import runpy
from functools import partial

from serving.parent import end_with_parent

_LOOK_SECONDS = 1.0


def _look_often() -> None:
    """Have a worker that died replaced at once: BentoML looks every ten seconds, while the others fall behind, and gives no say in it."""
    from bentoml._internal.utils import circus  # noqa: PLC0415 (takes a second)

    circus.create_standalone_arbiter = partial(circus.create_standalone_arbiter, check_delay=_LOOK_SECONDS)


if __name__ == "__main__":
    end_with_parent()
    _look_often()
    runpy.run_module("bentoml", run_name="__main__", alter_sys=True)
