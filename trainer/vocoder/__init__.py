"""A unit vocoder learns from an export: units and how long they last, to mel spectrograms of the answers."""
