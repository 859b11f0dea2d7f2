"""Verbs that ask for something, and which of them ask for the same. Taken from the first words of Alpaca's rows."""

import re

from voxsmith.models.text.words import stem

# Verbs on one line (and what is indented below it) may stand for one another in a request.
_SAME_TASK = """
    create generate make write compose construct produce develop design craft formulate invent devise draft
        build form come prepare brainstorm propose suggest recommend offer provide give list name cite state
        mention think share show tell describe explain outline present supply find pick choose select get
        elaborate discuss illustrate help imagine plan assemble compile talk know hear clarify define
        demonstrate introduce report answer
    summarize sum condense shorten compress abridge brief boil
    rewrite reword rephrase paraphrase restate reformulate recast express reframe put say change turn transform
        convert modify make edit alter revise adapt
    translate render
    classify categorize sort group label assign identify determine tell detect decide recognize find figure name
        pick select choose organize separate divide
    calculate compute solve work find evaluate determine multiply divide add subtract count estimate figure
        convert sum simplify
    compare contrast differentiate distinguish tell
    edit fix correct improve proofread clean change revise update refine polish check amend
    arrange rearrange order reorder sort rank organize put reorganize place
    explain describe tell clarify elaborate discuss define analyze interpret outline walk say
    identify find spot detect name tell determine point list recognize locate select pick
    analyze evaluate assess review examine critique judge rate look check interpret
    predict forecast guess estimate infer
    add insert append include put combine attach
    delete remove omit eliminate cut drop take strip
    replace substitute swap change exchange
    complete finish fill end continue
    combine merge join connect link put
    answer respond reply tell
    reverse flip invert
    research look find search investigate
"""
_OTHER = """
    read use consider suppose assume pretend act play split extract retrieve match spell format parse ask try
    expand extend lengthen test verify confirm prove implement train organise summarise categorise analyse apply
    conduct perform carry enter input output print return post send call set run collect gather record visualize
    draw sketch paint sing recite greet convince persuade debate argue defend oppose justify support cast vote
    conjugate pluralize capitalize punctuate rhyme unscramble decode encode encrypt decipher trace map plot
    graph chart model simulate optimize maximize minimize reduce increase hypothesize speculate deduce derive
    integrate factor round approximate measure balance synthesize diagnose treat teach learn study explore
    discover highlight underline emphasize specify indicate mark tag annotate note enumerate number index quote
    reference document log track monitor schedule book buy sell pay visit travel cook bake re-write type copy
    paste position move shift rotate open close start stop begin keep hold let go do be have deliver submit
    publish advertise market promote pitch recap repeat reiterate restructure refactor redesign redact redraft
    rebuild reconstruct recreate reproduce reflect react reason recall remember remind resolve restore rethink
    trim tweak tidy watch listen interview entertain enact exemplify contextualize characterize personify
    portray depict narrate comment troubleshoot debug diversify double triple halve explicate filter follow
    frame generalize grade guide hack incorporate inform instruct invite manipulate mix negotiate normalize
    object observe pair prioritize process program raise represent request scan score segment speak standardize
    stress structure style survey tabulate tally transcribe transpose understand utilize validate vary verbalize
    weigh word
"""

IMPERATIVES = frozenset(f"{_SAME_TASK} {_OTHER}".split())
_LINES = tuple(
    frozenset(stem(verb) for verb in line.split()) for line in re.sub(r"\n {8}", " ", _SAME_TASK).strip().splitlines()
)
STEMS = frozenset().union(*_LINES)


def verb_of(word: str) -> str | None:
    """The word as a verb that can head a request ("re-write": "rewrite"), or None where it is none we know."""
    plain = word.lower().strip(".,:;!?").replace("-", "")
    return plain if plain in IMPERATIVES or plain.removeprefix("re") in IMPERATIVES else None


def same_task(one: str) -> frozenset[str]:
    """Stems of the verbs that may stand for the verb with this stem, itself included."""
    alike: frozenset[str] = frozenset({one}).union(*(line for line in _LINES if one in line))
    return alike
