"""Language models that say what they think of a text that is given."""
