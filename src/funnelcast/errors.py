"""Everything that funnelcast refuses, as one tree.

FunnelcastError                 500  something of ours broke
├── OutOfTime                   503  it took longer than the time that it was given
├── UsageError                  400  the command or request can't be carried out as asked
│   ├── UnknownModel            404
│   ├── NotFound                404
│   └── Busy                    409  another process writes champions or snapshots of the same company
├── SourceError                 422  the company's facts can't be read as source.toml says
│   ├── BadSourceFile           422  source.toml itself
│   ├── MissingFile             422
│   ├── UnreadableFile          422  wrong encoding, ragged rows, not the kind of file that its name says
│   ├── MissingTable            422
│   ├── MissingColumn           422
│   ├── BadValues               422  rows that break a rule
│   └── EmptyTable              422
├── SpecError                   500  models/*/spec.toml says something that can't be
├── ModelError                  500
│   ├── WrongColumns            422
│   ├── TooFewRows              422  not enough facts to fit
│   ├── NoChampion              503  nothing promoted yet
│   ├── ArtefactDamaged         500  a file doesn't match its manifest
│   └── FeatureMismatch         500  the features of the code aren't those of the model
└── AccessError
    ├── NoKey                   401
    └── WrongScope              403

A message says what was wrong, where, how many and what to do; it is a template filled by the keywords of the constructor.
"""

from __future__ import annotations

from typing import ClassVar


class FunnelcastError(Exception):
    """The root: carries the HTTP status and a message template."""

    status: ClassVar[int] = 500
    template: ClassVar[str] = "{reason}"

    def __init__(self, **fields: object) -> None:
        self.fields = fields
        super().__init__(self.template.format(**fields))


class OutOfTime(FunnelcastError):
    """The work took longer than the time that it was given, and was ended."""

    status = 503
    template = "This took longer than {seconds:g} s and was ended: ask for fewer items at once."


class UsageError(FunnelcastError):
    """The command or request can't be carried out as asked."""

    status = 400


class UnknownModel(UsageError):
    """No folder of models/ has this name."""

    status = 404
    template = "There is no model {name!r}; models/ has {known}."


class NotFound(UsageError):
    """Something asked for by name isn't there."""

    status = 404
    template = "There is no {what} {name!r}. {advice}"


class Busy(UsageError):
    """Another process writes champions or snapshots of the same company."""

    status = 409
    template = "{holder} is already at work on {source}, and two would trample on each other. Wait for it to end; nothing was changed."


class SourceError(FunnelcastError):
    """The company's facts can't be read as source.toml says."""

    status = 422


class BadSourceFile(SourceError):
    """source.toml itself is missing or wrong."""

    template = "{path}: {reason}"


class MissingFile(SourceError):
    """A file of facts isn't where source.toml says."""

    template = "Table {table}: no file matches {path!r} (looked in {folder}). Mend `path` under [tables.{table}] in {source}."


class UnreadableFile(SourceError):
    """A file of facts isn't what its name or source.toml says."""

    template = "Table {table}: {path} {reason}. {advice}"


class MissingTable(SourceError):
    """An answer needs a table that the company doesn't bring."""

    template = "{purpose} needs the table {table}, which {source} does not bring. Add [tables.{table}] (columns {columns})."


class MissingColumn(SourceError):
    """A required column isn't in the file under the given name."""

    template = "Table {table}: no column {wanted!r} for {column}. The file has: {present}. Mend {where}."


class BadValues(SourceError):
    """Rows that break a rule."""

    template = "Table {table}, column {column}: {count} of {rows} rows {rule}; first: {first}. {advice}"


class EmptyTable(SourceError):
    """A table without a row."""

    template = "Table {table}: {path} holds no row{reason}. Check the export, or remove [tables.{table}] from the source."


class SpecError(FunnelcastError):
    """models/*/spec.toml says something that can't be."""

    template = "{path}: {reason}"


class ModelError(FunnelcastError):
    """A model can't do what it was asked."""


class WrongColumns(ModelError):
    """The rows don't have the columns that the model was fitted on."""

    status = 422
    template = "The {family} model expects the columns it was fitted on: missing {missing}, not known {extra}, wrong type {wrong}."


class TooFewRows(ModelError):
    """Not enough facts to fit."""

    status = 422
    template = "{model}: {found} {what}, at least {needed} are needed. {advice}"


class NoChampion(ModelError):
    """Nothing promoted yet."""

    status = 503
    template = "{model}: no champion is promoted for the source {source!r} yet. Run `funnelcast train {model} --source {path}`."


class ArtefactDamaged(ModelError):
    """A file doesn't match its manifest."""

    template = "{folder}: {reason}. Restore it, or promote the version again."


class FeatureMismatch(ModelError):
    """The features of the code aren't those that the model was trained on."""

    template = "{model}: trained on feature set {trained}, this code computes {present}. Retrain, or run the code it was trained with."


class AccessError(FunnelcastError):
    """A caller without the right to ask."""

    status = 401


class NoKey(AccessError):
    """No key, or one that isn't known."""

    template = "A valid key is needed: send `Authorization: Bearer KEY` (`funnelcast keys add` makes one)."


class WrongScope(AccessError):
    """A key whose scope doesn't reach this."""

    status = 403
    template = "The key {name!r} has the scope {scope}; this needs {needed}."
