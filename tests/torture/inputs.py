"""What the fuzzed inputs begin as: files that are right, and words from which options are made."""

from __future__ import annotations

TOPICS = b"""topics:
  nets:
    name: Nets
    phrases: [recurrent network, "spiking neuron*"]
    acronyms: [RNN]
    patterns: ['(?i)deep q[- ]network']
    exclude: [rl circuit]
    categories: ["cs.*"]
    since: 2015-01
  deep:
    name: Deep nets
    parents: [nets]
    phrases: [deep network]
    expect: {overlap: "they are alike"}
packs:
  mine: [nets]
"""
SETTINGS = (
    b"request_interval_s: 3\ncontact: a@example.org\nscope: mine\nstore: here\nscopes:\n  mine: [cs.LG, stat.ML]\n"
)
WEEKLY = b"watch: [rnn, gan]\npack: ml\nscope: core\nsource: arxiv\nsince: 2019\nkeep: 4\nnotify: cat\nout: weeks\n"
TOTALS = b"month,submissions\n2018-03-01,100\n2018-04-01,200\n2018-05,300\n"
SEARCH_WORDS = [
    "graph", "neural", "network*", '"neural network"', '"recurrent', "title:rnn", "-deep", "OR", "NOT", "(", ")", '""', "*", "a*",
    "title:", "x:y", "\u00e9", "\u65e5\u672c", "x" * 300, "::", "'", "%", "\\", "co-evolution", "\u200b", "\n", "AND", "-", "--",
    '"*"', "_", "title:(a OR b)", "\u202e", "\x1b", "0", "$1", ";--", "NEAR", '"a', "abstract:x", "-title:x", "\U0001f600",
]  # fmt: skip
PATTERN_WORDS = [
    "a", "net", "(?i)", "(", ")", "[", "]", "{2}", "{1000}", "{1001}", "*", "+?", "\\b", "\\pL", "\\p{Greek}", "\\Z", "(?=a)",
    "(?<!a)", "\\1", "|", "^", "$", "(?P<n>a)", "(?P=n)", "[[:alpha:]]", "\\x{110000}", "\\Q", "(?s).", "\\C", "[^\\x00]", "\u00e9",
    "(?U)", "(?-i)", "[a-", "[z-a]", "(?#", "(?:", "\\8", ".{300}",
]  # fmt: skip
ID_WORDS = [
    "1901.00001", "1901.0001", "1412.1234", "1412.12345", "1901.00001v2", "1901.00001v0", "1913.00001", "math/0611800",
    "hep-th/9901001v3", "arXiv:1901.00001", "https://arxiv.org/abs/1901.00001", "0000.0000", "9912.12345", "1901.000001", "x", "",
    "../../x", "1901.00001 ", "\u0661\u0669\u0660\u0661.\u0660\u0660\u0660\u0660\u0661", "cs/0000000", "cs.LG/0101001", "19 01.1", "'", "%",
]  # fmt: skip
DATE_WORDS = [
    "2018", "2019-Q2", "2019-W12", "2019-W54", "2019-W53", "2020-W53", "2019-02-30", "2019-02-29", "2020-02-29", "0", "", "9999",
    "0000", "-1", "2019-13", "2019-00", "2019-Q5", "2019-Q0", "2019-W00", "\uff12\uff10\uff11\uff19", "9999-12-31", "0001-01-01",
    "9999-W52", "2019-1", "19", "20190101", "2019/01/01", "2019-01-01T00:00", "today", "previous", "year-ago", "2019-03-05 ", "1e3",
    "9" * 40, "2019-W1", "2019-q2", "\u0660", "None", "nan", "9999-Q4", "2019-W12-3",
]  # fmt: skip
NUMBER_WORDS = [
    "0",
    "1",
    "-1",
    "9" * 30,
    "1.5",
    "",
    "x",
    "nan",
    "1e9",
    "2147483648",
    "9223372036854775808",
    "\u0661",
    "0x1",
    "+3",
    " 3",
]
OPTIONS: dict[str, list[str]] = {
    "--since": DATE_WORDS, "--until": DATE_WORDS, "--period": DATE_WORDS, "--vs": DATE_WORDS, "--as-of": DATE_WORDS,
    "--rebase": DATE_WORDS, "--last": ["24m", "0m", "99999y", "1.5y", "m", "3w", "2q", "-1y", "", "9" * 30 + "m", "\u0661y"],
    "--by": ["year", "quarter", "week", "month", "day", ""], "--rolling": NUMBER_WORDS, "--min-count": NUMBER_WORDS,
    "--limit": NUMBER_WORDS, "-t": ["rnn", "gan", "../x", "", "rl", "RNN", "*", "\u00e9"], "-c": ["cs.NE", "cs.*", "[", "**", "", "*", "cs"],
    "--scope": ["ml", "core", "x", "", "cs.*"], "--query": ["spiking", "*", "\\b", "'", "", "a" * 999, "\u200b", "deep learning"],
    "--match": ["any", "title", "strict", "x"], "--sort": ["count_2", "q", "x", ""], "--pack": ["ml", "x", "", "iclr"],
    "--author": ["Ada", "%", "'", "", "\u00e9"], "--id": ID_WORDS, "--and": ["rnn", "x", ""], "--within": ["rnn", "nets", ""],
    "--format": ["csv", "json", "md", "html", "jsonl", "x", ""], "--corpus": ["arxiv", "made", "x", "..", ""],
    "--fields": ["title", "title,keywords", "x", "", ","], "--submission-status": ["accepted", "active", "x"],
    "--outcome": ["accepted", "x"], "--across": ["category", "x"], "--keyword": ["deep learning", "", "*"],
}  # fmt: skip
FLAGS = ["--include-partial", "--primary-only", "--sensitivity", "--decompose", "--reverse", "-q", "--all"]
COMMANDS = ["report", "report", "papers", "terms", "digest", "explain", "authors", "export", "chart"]
SETTING_VALUES = [
    "",
    "0",
    "-1",
    "nan",
    "inf",
    "1e999",
    "x",
    "http://",
    "http://[::1",
    "ftp://a",
    "\u65e5\u672c",
    "a\nb",
    "~",
    "~nobody/x",
    "a" * 5000,
    "/dev/null",
    "/",
]
