"""What SpeechMOS's own code says of the voices in tests/data with a tiny random network: tests/golden/utmos/.

Wants a checkout of github.com/tarepan/SpeechMOS (commit 462599b): python tests/golden/make_utmos.py CHECKOUT. Its network
has one size; here its parts are put together smaller, by its own classes, and its own forward pass runs over them.
"""

import json
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).parents[2]
checkout = Path(sys.argv[1])
sys.path[:0] = [str(ROOT), str(checkout), str(checkout / "speechmos" / "utmos22")]

import fairseq_alt  # noqa: E402
from speechmos.utmos22.strong.model import UTMOS22Strong  # noqa: E402

from voxsmith.stages.engines.clips import hear  # noqa: E402

WIDTH, CHANNELS, TOLD, HIDDEN = 128, 16, 8, 16


def tiny() -> UTMOS22Strong:
    torch.manual_seed(11)
    model = UTMOS22Strong()
    encoder = fairseq_alt.TransformerEncoder(WIDTH)
    encoder.layers = torch.nn.ModuleList(
        fairseq_alt.TransformerSentenceEncoderLayer(WIDTH, 64, WIDTH // 64, "gelu", 0.1, 0.1, 0.0, False)
        for _ in range(2)
    )
    wav2vec = model.wav2vec2
    shapes = [(CHANNELS, 10, 5)] + [(CHANNELS, 3, 2)] * 4 + [(CHANNELS, 2, 2)] * 2
    wav2vec.feature_extractor = fairseq_alt.ConvFeatureExtractionModel(shapes)
    wav2vec.layer_norm = torch.nn.LayerNorm(CHANNELS)
    wav2vec.post_extract_proj = torch.nn.Linear(CHANNELS, WIDTH)
    wav2vec.encoder = encoder
    wav2vec.mask_emb = torch.nn.Parameter(torch.zeros(WIDTH))
    model.domain_emb, model.judge_emb = (torch.nn.Parameter(torch.randn(1, TOLD)) for _ in range(2))
    model.blstm = torch.nn.LSTM(WIDTH + 2 * TOLD, HIDDEN, batch_first=True, bidirectional=True)
    model.projection = torch.nn.Sequential(torch.nn.Linear(2 * HIDDEN, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))
    with torch.no_grad():
        for parameter in model.projection.parameters():
            parameter *= 3  # so that clips differ in more than the last digit
    return model.eval()


model = tiny()
folder = ROOT / "tests" / "golden" / "utmos"
folder.mkdir(exist_ok=True)
torch.save(model.state_dict(), folder / "utmos22_strong_step7459_v1.pt")
scores = {}
with torch.inference_mode():
    for clip in sorted((ROOT / "tests" / "data" / "voices" / "audio").glob("*.flac")):
        samples = torch.from_numpy(hear(clip.read_bytes()))
        scores[clip.stem] = float(model(samples[None]))
        scores[f"{clip.stem}, 1 s"] = float(model(samples[None, 16000:32000]))
(folder / "scores.json").write_text(json.dumps(scores, indent=1) + "\n")
print(scores)
