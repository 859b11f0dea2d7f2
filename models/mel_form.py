"""What vocoders that are trained here have in common with HiFi-GAN V1: the form of their mel spectrograms, and names."""

RATE, HOP, WINDOW, BINS = 22050, 256, 1024, 80  # hertz, samples, samples
GRIFFIN_LIM = "griffin_lim"  # in place of a model's name
SETTINGS = "vocoder.json"  # in a checkpoint, beside model.safetensors


def samples_a_frame(frame_rate: float) -> int:
    """Samples that a frame of units has. Raises ValueError where these are no whole number."""
    if (RATE / frame_rate) % 1:
        raise ValueError(
            f"{RATE} hertz are no whole number of samples a frame; 50, 25 and 12.5 are known rates of units"
        )
    return int(RATE / frame_rate)
