"""A synthetic corpus and venue, and a stand-in of arXiv's API on the loopback that serves them for `trend demo`."""
