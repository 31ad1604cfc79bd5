from __future__ import annotations

import contextvars
import threading
import time

import duckdb
import pytest

from funnelcast import deadline
from funnelcast.errors import OutOfTime

ENDLESS = "select sum(a.range * b.range % 7) from range(10000000) a, range(10000000) b"


def test_without_a_limit_work_goes_on() -> None:
    deadline.check()
    with deadline.interrupting(pytest.fail):
        deadline.check()


def test_work_ends_at_its_next_step_once_the_time_is_up() -> None:
    def endless() -> None:
        while True:
            deadline.check()
            time.sleep(0.001)

    with pytest.raises(OutOfTime, match=r"longer than 0\.02 s"), deadline.within(0.02):
        endless()
    deadline.check()


def test_the_limit_goes_along_into_a_thread_that_takes_the_context() -> None:
    found: list[str] = []

    def work() -> None:
        try:
            deadline.check()
        except OutOfTime as error:
            found.append(str(error))

    with deadline.within(0.0):
        context = contextvars.copy_context()
    time.sleep(0.002)
    for target in (work, lambda: context.run(work)):
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
    assert len(found) == 1


def test_a_query_is_stopped_from_outside() -> None:
    with duckdb.connect(config={"threads": 1}) as connection:
        with pytest.raises(OutOfTime), deadline.within(0.1), deadline.interrupting(connection.interrupt):
            connection.execute(ENDLESS).fetchall()
        assert connection.execute("select 7").fetchall() == [(7,)]


def test_what_fails_in_time_fails_as_itself() -> None:
    with duckdb.connect() as connection, pytest.raises(duckdb.Error, match="nowhere"), deadline.within(60):  # noqa: SIM117
        with deadline.interrupting(connection.interrupt):
            connection.execute("select * from nowhere")
