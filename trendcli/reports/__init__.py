"""The use-cases of `trend report`: a question -> counts -> change -> a Report. `shared` is what they have in common."""
