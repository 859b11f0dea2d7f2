"""What engines are asked, and what they reply: one file for each kind of engine, so that a new kind changes no other.

A request is fully resolved: the same request to the same engine means the same reply, so the digest of the two names
it. Replies pack to bytes, because they are kept raw, before parsing and checks.
"""
