"""What Resemblyzer itself says of the voices in tests/data: tests/golden/speaker.npz, float32 [256] a clip.

Wants resemblyzer 0.1.4, librosa 0.11 and webrtcvad: python tests/golden/make_speaker.py. It is given the samples after
our own way of leaving pauses out: webrtcvad's, which needs a compiler, is the one part that we don't follow.
"""

import sys
from pathlib import Path

import numpy as np
import scipy.ndimage

sys.modules.setdefault("scipy.ndimage.morphology", scipy.ndimage)  # as SciPy called it then
ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from resemblyzer import VoiceEncoder  # noqa: E402

from voxsmith.stages.engines.clips import hear  # noqa: E402
from voxsmith.stages.engines.quality.speaker_resemblyzer import spoken  # noqa: E402

encoder = VoiceEncoder("cpu", verbose=False)
clips = sorted((ROOT / "tests/data/voices/audio").glob("*.flac"))
vectors = {clip.stem: encoder.embed_utterance(spoken(hear(clip.read_bytes()))) for clip in clips}
first = spoken(hear(clips[0].read_bytes()))
vectors["short"] = encoder.embed_utterance(first[:12000])
np.savez(ROOT / "tests/golden/speaker.npz", **vectors)
print({name: vector[:4].round(4).tolist() for name, vector in vectors.items()})
