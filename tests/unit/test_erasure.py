"""A snapshot without a person: what was theirs is gone, everybody else's bytes are the same."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from funnelcast import snapshots
from funnelcast.artefacts import to_json
from funnelcast.settings import CHECKOUT, Settings
from training.erasure import Person, without

ANN = Person(frozenset({"ann-1", "Ann@Home.example"}), frozenset({"D-77"}))


def parquet(**columns: list[Any]) -> bytes:
    content = io.BytesIO()
    pd.DataFrame(columns).to_parquet(content, index=False)
    return content.getvalue()


def table(content: bytes) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(content))


def snapshot() -> dict[str, bytes]:
    rows = [{"contact_id": name, "gain": gain} for name, gain in (("bob", 2.0), ("ann-1", 1.0))]
    return {
        "about.json": to_json({"as_of": "2026-01-01", "models": [], "missing": {"clv": "1 row is wrong; first: 'ann-1'"}}),
        "economics.json": to_json({"annual": 3.0, "ann-12": 1.0}),
        "lists/churn.json": to_json({"list": rows, "size": 2}),
        "scores/churn.parquet": parquet(contact_id=["ann-1", "bob", "ann-12"], probability=[0.1, 0.2, 0.3]),
        "scores/clv.parquet": parquet(contact_id=["bob", "ann-12"], clv=[5.0, 6.0]),
        "scores/deal_outcome.parquet": parquet(deal_id=["D-1", "D-2", "D-77"], p_win=[0.5, 0.6, 0.7]),
        "forecast/pipeline/open_deals.parquet": parquet(
            deal_id=["D-1", "D-2"], contact_id=["bob", "ANN@home.example"], expected_amount=[10.0, 20.0]
        ),
        "forecast/cash/cash.json": to_json({"already_net": {"D-1": 1.0, "D-2": 2.0}}),
        "forecast/cash/receivables.parquet": parquet(invoice_id=["F1", None], contact_id=["ann-1", None], amount=[7.0, 8.0]),
        "forecast/cash/plans.parquet": parquet(deal_id=[0, 77], lag=[3, 4]),
    }


def test_rows_about_the_person_are_gone_and_amounts_stay_without_a_name() -> None:
    cleaned, count = without(snapshot(), ANN)
    assert list(table(cleaned["scores/churn.parquet"])["contact_id"]) == ["bob", "ann-12"]
    assert list(table(cleaned["scores/deal_outcome.parquet"])["deal_id"]) == ["D-1"]  # D-2 is theirs by the snapshot itself
    assert [row["contact_id"] for row in json.loads(cleaned["lists/churn.json"])["list"]] == ["bob"]
    deals = table(cleaned["forecast/pipeline/open_deals.parquet"])
    assert list(deals["expected_amount"]) == [10.0, 20.0]
    assert str(deals.loc[1, "deal_id"]).startswith("forgotten-")
    assert json.loads(cleaned["forecast/cash/cash.json"])["already_net"] == {"D-1": 1.0, str(deals.loc[1, "deal_id"]): 2.0}
    owed = table(cleaned["forecast/cash/receivables.parquet"])
    assert list(owed["amount"]) == [7.0, 8.0]
    assert owed.loc[0, "contact_id"] != "ann-1"
    assert str(owed.loc[0, "invoice_id"]).startswith("forgotten-")
    assert "'forgotten-" in json.loads(cleaned["about.json"])["missing"]["clv"]
    assert count == 10


def test_what_is_not_theirs_keeps_its_bytes() -> None:
    cleaned, _ = without(snapshot(), ANN)
    for path in ("economics.json", "scores/clv.parquet", "forecast/cash/plans.parquet"):
        assert cleaned[path] == snapshot()[path]
    untouched, count = without(snapshot(), Person(frozenset({"carol"})))
    assert (untouched, count) == (snapshot(), 0)


def test_it_is_the_same_every_time_and_nothing_is_left_for_a_second() -> None:
    cleaned, _ = without(snapshot(), ANN)
    assert without(snapshot(), ANN)[0] == cleaned
    assert without(cleaned, ANN) == (cleaned, 0)


def test_two_people_who_were_forgotten_are_not_taken_for_one() -> None:
    cleaned, _ = without(without(snapshot(), ANN)[0], Person(frozenset({"bob"})))
    deals = table(cleaned["forecast/pipeline/open_deals.parquet"])
    assert deals["deal_id"].nunique() == deals["contact_id"].nunique() == 2
    assert not {"bob", "ann-1"} & {str(value) for value in deals.to_numpy().ravel()}


def test_a_short_or_numeric_id_is_not_looked_for_in_sentences() -> None:
    files = {"about.json": to_json({"said": "12 of 2024 customers", "who": "12", "contact_id": 12.0})}
    cleaned, count = without(files, Person(frozenset({"12"})))
    told = json.loads(cleaned["about.json"])
    assert (told["said"], told["who"], count) == ("12 of 2024 customers", "forgotten-1", 1)


# At each step that changes the disk, a child process ends itself with SIGKILL; then the same work is done again to its end.
KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from funnelcast import artefacts, snapshots
from funnelcast.settings import Settings

home, work = Path(sys.argv[1]), Path(sys.argv[2])
real = {"replace": os.replace, "fsync": os.fsync, "rename": Path.rename, "rmtree": shutil.rmtree, "utime": os.utime, "unlink": os.unlink}
left = 0

def dying(name):
    def call(*args, **kwargs):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real[name](*args, **kwargs)
    return call

def settings(path):
    return Settings.read({"FUNNELCAST_HOME": str(path)})

def holding(path):
    kept = [snapshots.read(settings(path), "acme", name) for name in snapshots.kept(settings(path), "acme")]
    return [one for one in kept if b"ann-1" in one.files["a.json"]]

def forget(path):
    for one in holding(path):
        snapshots.replace(settings(path), "acme", one.name, {**one.files, "a.json": b"[]"})

for step in range(1, 1000):
    copy = work / str(step)
    shutil.copytree(home, copy)
    child = os.fork()
    if child == 0:
        left = step
        os.replace, os.fsync, Path.rename, shutil.rmtree, os.utime, os.unlink = (
            dying("replace"), dying("fsync"), dying("rename"), dying("rmtree"), dying("utime"), dying("unlink")
        )
        forget(copy)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    latest = snapshots.latest(settings(copy), "acme")  # whole, whichever it is
    print(step, latest.files["a.json"].decode().strip(), flush=True)
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0
        break
    assert os.WTERMSIG(status) == signal.SIGKILL
    forget(copy)
    assert snapshots.latest(settings(copy), "acme").files["a.json"] == b"[]"
    snapshots.sweep(settings(copy), "acme")
    for path in copy.rglob("*"):
        assert not path.is_file() or b"ann-1" not in path.read_bytes(), path
"""


def test_kill_9_at_every_step_leaves_the_old_snapshot_or_the_new_one(tmp_path: Path) -> None:
    settings = Settings.read({"FUNNELCAST_HOME": str(tmp_path / "home")})
    for as_of, content in (("2026-01-01", b'["bob"]'), ("2026-01-08", b'["ann-1"]')):
        snapshots.write(settings, "acme", {"as_of": as_of}, {"a.json": content, "scores/b.json": b"{}"})
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(settings.home), str(work)], capture_output=True, text=True, cwd=CHECKOUT, check=False
    )
    assert done.returncode == 0, done.stderr
    seen = [line.split(" ", 1)[1] for line in done.stdout.splitlines()]
    assert set(seen) == {'["ann-1"]', "[]"}
    assert seen == sorted(seen)  # '["ann-1"]' before '[]': once it is new it stays new
    assert len(seen) > 10


def test_a_rewritten_snapshot_keeps_its_place_among_the_others(tmp_path: Path) -> None:
    settings = Settings.read({"FUNNELCAST_HOME": str(tmp_path)})
    first = snapshots.write(settings, "acme", {"as_of": "2026-01-01"}, {"a.json": b"1"})
    second = snapshots.write(settings, "acme", {"as_of": "2026-01-08"}, {"a.json": b"2"})
    snapshots.replace(settings, "acme", first, {**snapshots.read(settings, "acme", first).files, "a.json": b"3"})
    assert snapshots.latest_name(settings, "acme") == second
    newest = snapshots.newest_sound(settings, "acme")
    assert newest is not None
    assert newest.name == second


def test_what_a_crash_left_is_swept_unless_it_may_be_written_to(tmp_path: Path) -> None:
    settings = Settings.read({"FUNNELCAST_HOME": str(tmp_path)})
    name = snapshots.write(settings, "acme", {"as_of": "2026-01-01"}, {"a.json": b"1"})
    home = settings.snapshots / "acme"
    for left in (".old.gone", ".new.abc"):
        (home / left).mkdir()
    assert snapshots.sweep(settings, "acme") == 1
    assert sorted(path.name for path in home.iterdir()) == [".new.abc", name, "latest.json"]


@pytest.mark.parametrize("given", ["ann@home.example", "ANN@HOME.EXAMPLE", "ann-1"])
def test_an_e_mail_is_one_in_any_capitals(given: str) -> None:
    assert ANN.owns(given)
    assert not ANN.owns("Ann-1")
