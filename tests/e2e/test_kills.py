"""Kill -9 at four random moments leaves nothing torn: some seconds of `make soak`."""

from __future__ import annotations

from pathlib import Path

from benchmarks.kills import Company, moments

NAMES = ("score", "promote", "refresh", "train")


def test_nothing_is_torn_and_the_next_training_succeeds(tmp_path: Path) -> None:
    company = Company(tmp_path)
    company.prepare(("clv",), NAMES)
    for name, seconds, _, torn in moments(company, NAMES, seed=3, again=False):
        assert not torn, f"{name} after {seconds:.2f} s: {torn}"
    company.run("train", "clv")
