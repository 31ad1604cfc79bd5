"""The data report: everything that is wrong with a company's facts, or worth knowing about them."""

from __future__ import annotations

from pathlib import Path

from funnelcast.errors import SourceError
from funnelcast.sources import rules, source_file
from funnelcast.sources.facts import Facts, Finding
from funnelcast.sources.findings import Report, errors_first
from funnelcast.sources.open import open_facts
from funnelcast.terms import AsOf


def check(facts: Facts, observed_until: AsOf | None = None) -> tuple[Finding, ...]:
    """Hold canonical facts against every rule.

    Parameters
    ----------
    observed_until
        The declared end of what was observed, if any: a fact after it is an error. Without it, a fact after today is a warning.

    Returns
    -------
    Findings, errors first.
    """
    found = Report(raises=False)
    for name in facts.tables:
        rules.apply(facts, name, found, observed_until)
        rules.repeated_rows(facts, name, found)
    rules.labels(facts, found)
    rules.orphans(facts, found)
    return errors_first(found.findings)


def report(path: Path, threads: int | None = None) -> tuple[Finding, ...]:
    """Open the facts of a source.toml and tell everything that was found, without raising.

    A table that can't be read is an error, and the others are read all the same.

    Returns
    -------
    Findings, errors first.
    """
    found = Report(raises=False)
    try:
        facts = open_facts(source_file.read(path), found, threads)
    except SourceError as error:
        found.block(error)
    else:
        for name in facts.tables:
            rules.repeated_rows(facts, name, found)
    return errors_first(found.findings)
