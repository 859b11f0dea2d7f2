"""How long a clip may be."""

SECONDS = 30.0  # that Whisper's encoder has positions for
