"""Words by which a model speaks of itself or of its task, where it should do the task."""

import re

# How an assistant starts before it says anything.
SURE = (
    r"(?:(?:oh|sure(?: thing)?|certainly|of course|absolutely|great|okay|ok|yes|no problem|definitely|well)\b[,.!]*\s*)"
)
MODEL = re.compile(
    r"\bas an? (?:ai|artificial intelligence|(?:large )?language model|voice assistant|virtual assistant)\b[^.!?]{0,30}\bi\b"
    r"|\bi(?:'m| am) (?:just |only )?an? (?:ai|artificial intelligence|(?:large )?language model|computer program|"
    r"voice assistant|virtual assistant)\b|\bmy (?:training data|programming|knowledge cutoff)\b",
    re.I,
)
# "Dear [Name]", "AI is [insert definition]": left for the asker to fill in. A list may stand in brackets too.
PLACEHOLDER = re.compile(
    r"\[[A-Z][^\],]{1,30}\](?!\()|\[(?:insert|your|name)\b[^\]]*\]|<(?:[A-Z]|your |insert )[A-Za-z ]+>|\{[A-Za-z]\w*\}"
)
# A refusal of any task; in a text that goes on somebody may well say "I'm not able to sleep".
DECLINES = re.compile(
    r"\bi(?:'m|’m| am) (?:sorry|afraid)\b[^.!?]{0,30}\b(?:can't|can’t|cannot|can not|unable|not able|won't|won’t)\b"
    r"|\bi (?:can't|can’t|cannot|can not|won't|won’t|am unable to|am not able to|do not|don't|don’t)\s(?:\w+\s){0,2}"
    r"(?:help|assist|provide|continue|fulfil\w*|complete (?:the|this|that)|generate|create|engage"
    r"|have (?:access|enough|personal|the ability))\b"
    r"|\bi(?:'m|’m| am) (?:unable|not able) to (?:help|assist|provide|continue|fulfil\w*|generate|create|complete)\b",
    re.I,
)
