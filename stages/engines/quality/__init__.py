"""How a clip sounds (mos_*), and whose voice it is (speaker_*)."""
