"""What is put on clips: noise, rooms, telephone bands, codecs. Samples are mono float64 [n], full scale at 1.0."""
