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
_CANNOT = r"(?:can't|can’t|cannot|can not|won't|won’t|am unable to|am not able to|do not|don't|don’t|must decline to)"
_WHAT = (
    r"(?:help (?:with|you(?: with|[.!]|$))|assist|provide|fulfil\w*|comply|generate|create (?:a|an|any|that|this|content|text)|engage in"
    r"|(?:complete|continue|write|finish) (?:the|this|that|your|with|a|an|any|writing|from)|continue[.,!;]"
    r"|discuss (?:that|this)|do that"
    r"|have (?:access to|personal|the ability|any (?:information|context|personal)|enough (?:information|context|details?"
    r"|data)|feelings|opinions))"
)
# A refusal of any task; in a text that goes on somebody may well say "I'm not able to sleep", "I can't help it".
DECLINES = re.compile(
    rf"\bi {_CANNOT}\s(?:(?:actually|really|currently|directly|possibly|be able to)\s){{0,2}}{_WHAT}"
    rf"|\bi(?:'m|’m| am) (?:sorry|afraid)\b[^.!?]{{0,30}}\b{_CANNOT}\s(?:\w+\s){{0,2}}{_WHAT}"
    rf"|\bi(?:'m|’m| am) (?:unable|not able|not comfortable|not programmed|not designed)(?: to)? (?:\w+ing )?(?:{_WHAT}"
    rf"|providing|writing|continuing)"
    r"|\b(?:can't|can’t|cannot|unable to|not able to)\b[^.!?]{0,60}\bbut i can (?:help|provide|offer|suggest|assist|try)\b"
    r"|\b(?:i apologi[sz]e|my apologies),? (?:but|for (?:the|any|my)|if)\b|\bi(?:'m|’m| am) sorry,? (?:but )?(?:i|this|that) "
    r"(?:didn't|didn’t|did not|don't|don’t|do not) (?:quite )?understand (?:the|your|what)\b|\bunfortunately, i (?:can't"
    r"|can’t|cannot|am unable|don't|do not)\b"
    r"|\b(?:not|in)appropriate (?:for me )?to (?:provide|continue|write|generate|create)\b",
    re.I,
)
