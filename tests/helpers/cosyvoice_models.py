"""Tiny CosyVoice models of random weights, in the files that the genuine ones have.

`settings` and `empty_folder` need nothing; `make` builds the networks with CosyVoice's own code, in its environment.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

SPEAKERS = ("中文女", "英文男")
YAML = {1: "cosyvoice.yaml", 2: "cosyvoice2.yaml"}
FILES = {
    1: ("campplus.onnx", "speech_tokenizer_v1.onnx", "llm.pt", "flow.pt", "hift.pt", "spk2info.pt"),
    2: ("campplus.onnx", "speech_tokenizer_v2.onnx", "llm.pt", "flow.pt", "hift.pt"),
}
_SEEDS = """
__set_seed1: !apply:random.seed [1986]
__set_seed2: !apply:numpy.random.seed [1986]
__set_seed3: !apply:torch.manual_seed [1986]
__set_seed4: !apply:torch.cuda.manual_seed_all [1986]
"""
_ATTENTION = """
        output_size: {width}
        attention_heads: 2
        linear_units: 32
        num_blocks: 1
        dropout_rate: 0.1
        positional_dropout_rate: 0.1
        attention_dropout_rate: 0
        pos_enc_layer_type: 'rel_pos_espnet'
        selfattention_layer_type: 'rel_selfattn'
        input_size: {width}
        input_layer: '{layer}'
"""
_FLOW = """
flow: !new:cosyvoice.flow.flow.{causal}MaskedDiffWithXvec
    input_size: {wide}
    output_size: 80
    spk_embed_dim: !ref <spk_embed_dim>
    output_type: 'mel'
    vocab_size: 128
    only_mask_loss: True
{more}
    decoder: !new:cosyvoice.flow.flow_matching.{causal}ConditionalCFM
        in_channels: 240
        n_spks: 1
        spk_emb_dim: 80
        cfm_params: !new:omegaconf.DictConfig
            content:
                sigma_min: 1e-06
                solver: 'euler'
                t_scheduler: 'cosine'
                training_cfg_rate: 0.2
                inference_cfg_rate: 0.7
                reg_loss_type: 'l1'
        estimator: !new:cosyvoice.flow.decoder.{causal}ConditionalDecoder
            in_channels: 320
            out_channels: 80
            channels: [32]
            dropout: 0.0
            attention_head_dim: 16
            n_blocks: 1
            num_mid_blocks: 1
            num_heads: 2
            act_fn: 'gelu'
{chunks}
hift: !new:cosyvoice.hifigan.generator.HiFTGenerator
    in_channels: 80
    base_channels: 32
    nb_harmonics: 8
    sampling_rate: !ref <sample_rate>
    nsf_alpha: 0.1
    nsf_sigma: 0.003
    nsf_voiced_threshold: 10
    upsample_rates: {rates}
    upsample_kernel_sizes: {kernels}
    istft_params:
        n_fft: 16
        hop_len: 4
    resblock_kernel_sizes: [3]
    resblock_dilation_sizes: [[1, 3, 5]]
    source_resblock_kernel_sizes: {source}
    source_resblock_dilation_sizes: {dilations}
    lrelu_slope: 0.1
    audio_limit: 0.99
    f0_predictor: !new:cosyvoice.hifigan.f0_predictor.ConvRNNF0Predictor
        num_class: 1
        in_channels: 80
        cond_channels: 16

feat_extractor: !name:matcha.utils.audio.mel_spectrogram
    n_fft: {window}
    num_mels: 80
    sampling_rate: !ref <sample_rate>
    hop_size: {hop}
    win_size: {window}
    fmin: 0
    fmax: 8000
    center: False
allowed_special: 'all'
parquet_opener: !name:cosyvoice.dataset.processor.parquet_opener
data_pipeline: [
    !ref <parquet_opener>,
]
"""
_SAMPLING = """
    sampling: !name:cosyvoice.utils.common.ras_sampling
        top_p: 0.8
        top_k: 25
        win_size: 10
        tau_r: 0.1
"""


def settings(kind: int) -> str:
    """The text of cosyvoice.yaml (kind 1) or cosyvoice2.yaml (kind 2): the genuine keys and tags, small numbers.

    The second one's encoder of units is 512 wide, whatever is asked for.
    """
    return _first() if kind == 1 else _second()


def _first() -> str:
    encoder = "!new:cosyvoice.transformer.encoder.{}" + _ATTENTION
    conformer = "        use_cnn_module: False\n        macaron_style: False\n"
    head = f"""{_SEEDS}
sample_rate: 22050
spk_embed_dim: 192
llm: !new:cosyvoice.llm.llm.TransformerLM
    text_encoder_input_size: 16
    llm_input_size: 16
    llm_output_size: 16
    text_token_size: 51866
    speech_token_size: 128
    length_normalized_loss: True
    lsm_weight: 0
    spk_embed_dim: !ref <spk_embed_dim>
    text_encoder: {encoder.format("ConformerEncoder", width=16, layer="linear")}{conformer}
    llm: {encoder.format("TransformerEncoder", width=16, layer="linear_legacy")}        static_chunk_size: 1
{_SAMPLING}
get_tokenizer: !name:whisper.tokenizer.get_tokenizer
    multilingual: True
    num_languages: 100
    language: 'en'
    task: 'transcribe'
"""
    more = f"""    input_frame_rate: 50
    encoder: {encoder.format("ConformerEncoder", width=32, layer="linear")}{conformer}
    length_regulator: !new:cosyvoice.flow.length_regulator.InterpolateRegulator
        channels: 80
        sampling_ratios: [1, 1, 1, 1]"""
    numbers = {"wide": 32, "rates": [8, 8], "kernels": [16, 16], "source": [7, 11], "window": 1024, "hop": 256}
    return head + _FLOW.format(causal="", more=more, chunks="", dilations=[[1, 3, 5]] * 2, **numbers)


def _second() -> str:
    head = f"""{_SEEDS}
sample_rate: 24000
spk_embed_dim: 192
qwen_pretrain_path: ''
llm: !new:cosyvoice.llm.llm.Qwen2LM
    llm_input_size: 16
    llm_output_size: 16
    speech_token_size: 128
    length_normalized_loss: True
    lsm_weight: 0
    mix_ratio: [5, 15]
    llm: !new:cosyvoice.llm.llm.Qwen2Encoder
        pretrain_path: !ref <qwen_pretrain_path>
{_SAMPLING}
get_tokenizer: !name:cosyvoice.tokenizer.tokenizer.get_qwen_tokenizer
    token_path: !ref <qwen_pretrain_path>
    skip_special_tokens: True
"""
    encoder = "!new:cosyvoice.transformer.upsample_encoder.UpsampleConformerEncoder"
    more = f"""    input_frame_rate: 25
    token_mel_ratio: 2
    pre_lookahead_len: 3
    encoder: {encoder}{_ATTENTION.format(width=512, layer="linear")}        use_cnn_module: False
        macaron_style: False
        static_chunk_size: 25"""
    chunks = "            static_chunk_size: 50\n            num_decoding_left_chunks: 2\n"
    numbers = {
        "wide": 512,
        "rates": [8, 5, 3],
        "kernels": [16, 11, 7],
        "source": [7, 7, 11],
        "window": 1920,
        "hop": 480,
    }
    return head + _FLOW.format(causal="Causal", more=more, chunks=chunks, dilations=[[1, 3, 5]] * 3, **numbers)


def empty_folder(folder: Path, kind: int) -> Path:
    """The folder with its settings, and files of the right names that hold nothing."""
    folder.mkdir(parents=True)
    (folder / YAML[kind]).write_text(settings(kind), encoding="utf-8")
    for name in FILES[kind]:
        (folder / name).write_bytes(b"")
    if kind == 2:
        (folder / "CosyVoice-BlankEN").mkdir()
        (folder / "CosyVoice-BlankEN" / "config.json").write_text("{}")
    return folder


def make(folder: Path, kind: int) -> Path:
    """A model that CosyVoice's own code loads and speaks with. Needs its packages, and onnx."""
    import torch
    from hyperpyyaml import load_hyperpyyaml

    empty_folder(folder, kind)
    if kind == 2:
        _language_model(folder / "CosyVoice-BlankEN")
    _speaker_encoder(folder / "campplus.onnx")
    _speech_tokenizer(folder / f"speech_tokenizer_v{kind}.onnx", every=2 if kind == 1 else 4)
    overrides = {"qwen_pretrain_path": str(folder / "CosyVoice-BlankEN")} if kind == 2 else {}
    with open(folder / YAML[kind], encoding="utf-8") as file:
        networks = load_hyperpyyaml(file, overrides=overrides)
    torch.manual_seed(kind)
    with torch.no_grad():  # louder and less even than what networks are born with: speech to the trimmer
        for weights in networks["hift"].conv_post.parameters():
            weights.normal_(0, 0.3)
        networks["hift"].f0_predictor.classifier.bias.fill_(120.0)
    for part in ("llm", "flow", "hift"):
        torch.save(networks[part].state_dict(), folder / f"{part}.pt")
    if kind == 1:
        torch.save({name: {"embedding": torch.randn(1, 192)} for name in SPEAKERS}, folder / "spk2info.pt")
    return folder


def _language_model(folder: Path) -> None:
    """A Qwen2 of one layer whose tokens are bytes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    letters = {letter: number for number, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab=letters | {"<|endoftext|>": len(letters)}, merges=[]))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>").save_pretrained(folder)
    shape: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 320}
    Qwen2ForCausalLM(Qwen2Config(**shape, **heads)).save_pretrained(folder)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"tokenizer_class": "PreTrainedTokenizerFast"}))


def _speaker_encoder(path: Path) -> None:
    """float32 [1, frames, 80] -> float32 [1, 192]: how loud the bands are, mixed."""
    from onnx import TensorProto, helper, numpy_helper

    mix = np.random.RandomState(3).normal(0, 1, (80, 192)).astype(np.float32)
    nodes = [
        helper.make_node("Mul", ["input", "input"], ["power"]),
        helper.make_node("ReduceMean", ["power", "axis"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "mix"], ["output"]),
    ]
    constants = [numpy_helper.from_array(mix, "mix"), numpy_helper.from_array(np.array([1]), "axis")]
    inputs = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, "frames", 80])
    _save(path, nodes, constants, [inputs], helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 192]))


def _speech_tokenizer(path: Path, every: int) -> None:
    """float32 [1, 128, frames] and int32 [1] -> int64 [1, frames / every]: the band that is loudest."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Slice", ["feats", "first", "last", "time", "every"], ["some"]),
        helper.make_node("ArgMax", ["some"], ["indices"], axis=1, keepdims=0),
    ]
    numbers = {"first": 0, "last": 1 << 40, "time": 2, "every": every}
    constants = [numpy_helper.from_array(np.array([value]), name) for name, value in numbers.items()]
    given = [
        helper.make_tensor_value_info("feats", TensorProto.FLOAT, [1, 128, "frames"]),
        helper.make_tensor_value_info("feats_length", TensorProto.INT32, [1]),
    ]
    _save(path, nodes, constants, given, helper.make_tensor_value_info("indices", TensorProto.INT64, [1, "units"]))


def _save(path: Path, nodes: list[Any], constants: list[Any], given: list[Any], output: Any) -> None:
    import onnx
    from onnx import helper

    graph = helper.make_graph(nodes, path.stem, given, [output], constants)
    onnx.save(helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 18)]), path)
