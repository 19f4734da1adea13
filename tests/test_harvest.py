from __future__ import annotations

from pathlib import Path

from tests.conftest import fill, paper
from trendcli.demo.server import StandIn
from trendcli.harvest import harvest
from trendcli.models import Ask, Window, silent
from trendcli.sources.arxiv_api import ArxivApi
from trendcli.sources.pace import Pace
from trendcli.store import Store


def test_a_fetch_frees_the_room_that_a_killed_one_took(standin: StandIn, tmp_path: Path) -> None:
    store = fill(tmp_path, [paper("1801.00001", "2018-01-05")])
    lost = [tmp_path / "arxiv/months/2018-01.0123456789ab.parquet", tmp_path / "manifest.json.77.draft"]
    for path in lost:
        path.write_bytes(b"half")
    assert store.leftovers() == sorted(lost)
    window = Window(store.manifest.files[0].first, store.manifest.files[0].last)
    harvest(store, ArxivApi(standin.url, Pace(None, 0.0)), [Ask(("cs.LG",), window)], silent, lambda fault: None)
    assert Store.open(tmp_path).leftovers() == [] and not any(path.exists() for path in lost)
    assert store.path(store.manifest.files[0]).exists()
