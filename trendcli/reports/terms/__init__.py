"""Reports on words: rising and falling terms, new names, terms that go with acceptance."""
