"""Reports on words: rising and falling terms, new names, terms associated with acceptance."""
