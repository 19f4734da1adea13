from __future__ import annotations

from trendcli.core.report import Column, Report


def test_a_report_becomes_a_data_frame_with_a_column_per_key() -> None:
    rows = [{"topic": "gan", "share": 0.07}, {"topic": "rnn", "share": None}]
    report = Report("comparison", "Title", "arxiv", False, {}, [Column("topic", "topic", "text")], rows)
    frame = report.to_frame()
    assert list(frame.columns) == ["topic", "share"]
    assert frame["topic"].tolist() == ["gan", "rnn"]
    assert frame["share"].isna().tolist() == [False, True]
