"""The track record: every answer and forecast, kept append-only, to be judged when the truth is known.

Answers hold a pseudonym instead of the contact: HMAC-SHA256 of the id under a salt of its own. Deleting the salt forgets the person and
keeps the record.
"""

from __future__ import annotations

import hmac
import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pandas as pd

_SCHEMA = """
CREATE TABLE IF NOT EXISTS salts (contact_id TEXT PRIMARY KEY, salt BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (
    request_id TEXT NOT NULL, model TEXT NOT NULL, version INTEGER NOT NULL, as_of TEXT NOT NULL, horizon_days REAL NOT NULL,
    pseudonym TEXT NOT NULL, predicted REAL NOT NULL, low REAL, high REAL, facts_sha256 TEXT NOT NULL
);
DROP INDEX IF EXISTS answers_by_model;
CREATE TABLE IF NOT EXISTS forecasts (
    quantity TEXT NOT NULL, as_of TEXT NOT NULL, start TEXT NOT NULL, "end" TEXT NOT NULL, mean REAL NOT NULL,
    p05 REAL NOT NULL, p10 REAL NOT NULL, p25 REAL NOT NULL, p50 REAL NOT NULL, p75 REAL NOT NULL, p90 REAL NOT NULL, p95 REAL NOT NULL,
    PRIMARY KEY (quantity, as_of, start, "end")
) WITHOUT ROWID;
"""
_KNOWN_SALTS = "SELECT contact_id, salt FROM salts WHERE contact_id IN (SELECT value FROM json_each(?))"
_WAIT_SECONDS = 10.0
LEVELS = ("p05", "p10", "p25", "p50", "p75", "p90", "p95")


class Answer(NamedTuple):
    """One prediction given to a caller.

    Parameters
    ----------
    as_of
        Wall-clock time of the source's zone, ISO without an offset.
    horizon_days
        How far ahead the prediction looks: its truth is known at as_of + horizon_days.
    predicted, low, high
        The number that was given, with its interval where there is one.
    facts_sha256
        Of the facts that came with the request.
    """

    request_id: str
    model: str
    version: int
    as_of: str
    horizon_days: float
    contact_id: str
    predicted: float
    low: float | None
    high: float | None
    facts_sha256: str


_CONTACT = Answer._fields.index("contact_id")


class TrackRecord:
    """The track record of one source, safe to append to from several processes.

    A process that holds one must not open its file by other means: closing a file drops every lock that the process holds on it
    (POSIX), SQLite's too, and another process may then write over what this one reads.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._counting = threading.Lock()
        self._appending = threading.Lock()  # SQLite would have threads look again after milliseconds instead of waiting in line
        self._counted_to = 0
        self._tallies: dict[tuple[str, int], tuple[int, float]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as connection:
            connection.executescript(_SCHEMA)

    def append(self, answers: Sequence[Answer]) -> None:
        """Store answers in one transaction: after a crash all of them are there or none."""
        with self._appending, self._open() as connection:
            self._append(connection, answers)

    def append_at_once(self, answers: Sequence[Answer]) -> bool:
        """Store answers as ``append`` does unless another writes at this moment, and say whether they were stored.

        It waits for nothing: the log isn't folded back into the file here, which is left to ``append``.
        """
        if not self._appending.acquire(blocking=False):
            return False
        try:
            with self._open(at_once=True) as connection:
                self._append(connection, answers)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            return False
        finally:
            self._appending.release()
        return True

    def _append(self, connection: sqlite3.Connection, answers: Sequence[Answer]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        contacts = [answer.contact_id for answer in answers]
        salts = self._salts(connection, list(set(contacts)))
        # a row holds what an answer does, but for the contact, in whose place the pseudonym stands
        named = [pseudonym(contact, salts[contact]) for contact in contacts]
        rows = [(*answer[:_CONTACT], name, *answer[_CONTACT + 1 :]) for answer, name in zip(answers, named, strict=True)]
        connection.executemany("INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")

    def append_forecast(self, quantity: str, as_of: str, periods: Sequence[Mapping[str, object]]) -> None:
        """Store the periods of a forecast document; the same forecast again changes nothing."""
        rows = [
            (quantity, as_of, period["start"], period["end"], period["mean"], *(period[level] for level in LEVELS)) for period in periods
        ]
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT OR IGNORE INTO forecasts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            connection.execute("COMMIT")

    def tally(self) -> dict[tuple[str, int], tuple[int, float]]:
        """Give the number of answers and the sum of what they predicted, by model and version.

        Rows are only ever added, so those that were counted before aren't read again.
        """
        with self._counting, self._open() as connection:
            found = connection.execute(
                "SELECT model, version, COUNT(*), SUM(predicted), MAX(rowid) FROM answers NOT INDEXED WHERE rowid > ? "
                "GROUP BY model, version",
                (self._counted_to,),
            ).fetchall()
            for model, version, count, total, last in found:
                before = self._tallies.get((model, version), (0, 0.0))
                self._tallies[model, version] = (before[0] + count, before[1] + total)
                self._counted_to = max(self._counted_to, last)
            return dict(sorted(self._tallies.items()))

    def forecast_periods(self) -> dict[str, int]:
        """Give the number of stored forecast periods by quantity."""
        with self._open() as connection:
            return dict(connection.execute("SELECT quantity, COUNT(*) FROM forecasts GROUP BY quantity ORDER BY quantity").fetchall())

    def answers(self) -> pd.DataFrame:
        """Give every answer with its contact; one whose person was forgotten has none."""
        with self._open() as connection:
            salts = connection.execute("SELECT contact_id, salt FROM salts").fetchall()
            frame = pd.read_sql_query("SELECT * FROM answers ORDER BY model, version, as_of, pseudonym, request_id", connection)
        contacts = {pseudonym(contact, salt): contact for contact, salt in salts}
        return frame.assign(contact_id=frame["pseudonym"].map(contacts))

    def forecasts(self) -> pd.DataFrame:
        """Give every stored period of every forecast."""
        with self._open() as connection:
            return pd.read_sql_query('SELECT * FROM forecasts ORDER BY quantity, as_of, start, "end"', connection)

    def forget(self, contact_id: str) -> int:
        """Delete a person's salt: their answers stay as numbers that nobody can trace; an e-mail is one in any capitals.

        The hash of their facts goes along, since whoever holds the facts could hash them again. Nothing of it stays in the file's free
        pages or its log.

        Returns
        -------
        How many answers lost their name.
        """
        with self._open() as connection:
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("BEGIN IMMEDIATE")
            known = connection.execute("SELECT contact_id, salt FROM salts").fetchall()
            answers = 0
            for name, salt in [(name, salt) for name, salt in known if identity_key(name) == identity_key(contact_id)]:
                unnamed = connection.execute("UPDATE answers SET facts_sha256 = '' WHERE pseudonym = ?", (pseudonym(name, salt),))
                answers += unnamed.rowcount
                connection.execute("DELETE FROM salts WHERE contact_id = ?", (name,))
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return answers

    @contextmanager
    def _open(self, *, at_once: bool = False) -> Iterator[sqlite3.Connection]:
        """Give this thread's connection, opened once: the last one to close folds the log back into the file, which takes milliseconds."""
        name = "at_once" if at_once else "connection"
        connection: sqlite3.Connection | None = getattr(self._local, name, None)
        if connection is None:
            connection = self._connected(at_once=at_once)
            setattr(self._local, name, connection)
        try:
            yield connection
        except BaseException:
            if connection.in_transaction:
                connection.rollback()
            raise

    def _connected(self, *, at_once: bool) -> sqlite3.Connection:
        # autocommit: transactions are opened by hand, so that a writer takes the lock at once and waits instead of failing later
        connection = sqlite3.connect(self._path, timeout=0.0 if at_once else _WAIT_SECONDS, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        # what is committed outlives the process, killed or not; only a power cut may take the last moments
        connection.execute("PRAGMA synchronous=NORMAL")
        if at_once:
            connection.execute("PRAGMA wal_autocheckpoint=0")
        return connection

    @staticmethod
    def _salts(connection: sqlite3.Connection, contacts: Sequence[str]) -> dict[str, bytes]:
        known = connection.execute(_KNOWN_SALTS, (json.dumps(contacts),)).fetchall()
        found: dict[str, bytes] = dict(known)
        new = {contact: secrets.token_bytes(16) for contact in contacts if contact not in found}
        connection.executemany("INSERT INTO salts VALUES (?, ?)", new.items())
        return found | new


def pseudonym(contact_id: str, salt: bytes) -> str:
    """Give the name under which a contact stands in the record."""
    return hmac.digest(salt, contact_id.encode(), "sha256").hex()[:32]


def identity_key(identity: str) -> str:
    """Give what two spellings of one id have in common: an e-mail counts in any capitals."""
    return identity.lower() if "@" in identity else identity
