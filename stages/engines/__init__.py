"""Models behind one small face: a backend's `load(config)` gives an engine whose `submit(request)` gives a future of the reply.

Whoever runs engines needs four modules of this package, and tests/test_arrows.py holds pipeline/ to them: `backend` (what
a backend is), `base` (what an engine is, and its errors), `usage` (what replies come to), `voice_bank` (clips to clone).
"""
