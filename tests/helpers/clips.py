"""What a clip says in the tests of stages, and the measures of a good one."""

TEXT = "The weather is nice today, so we are going to the park."
GOOD = {
    "heard": TEXT,
    "wer": 0.0,
    "cer": 0.0,
    "mos": 3.4,
    "duration": 3.2,
    "silence": 0.3,
    "clipping": 0.0,
    "tail": -60,
}
