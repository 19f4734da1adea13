"""A made-up corpus and a stand-in of arXiv's API on the loopback, for `trend demo` and for the tests."""
