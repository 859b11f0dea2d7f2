"""Verbs that ask for something, and which of them ask for the same. Taken from the first words of Alpaca's rows."""

from stages.text.words import stem

# Verbs on one line may stand for one another in a request; those of different lines are different tasks.
_SAME_TASK = """
create generate make write compose construct produce develop design craft formulate invent devise draft build form come prepare brainstorm propose suggest recommend offer provide give list name cite state mention think share show tell describe explain outline present supply find pick choose select get elaborate discuss illustrate help imagine plan assemble compile talk know hear clarify define demonstrate introduce report answer
summarize sum condense shorten compress abridge brief boil
rewrite reword rephrase paraphrase restate reformulate recast rewrite express reframe put say change turn transform convert modify make edit alter revise adapt
translate render
classify categorize sort group label assign identify determine tell detect decide recognize find figure label name pick select choose organize separate divide
calculate compute solve work find evaluate determine multiply divide add subtract count estimate figure convert sum simplify
compare contrast differentiate distinguish tell
edit fix correct improve proofread clean change revise update refine polish check amend
arrange rearrange order reorder sort rank organize put reorganize place
explain describe tell clarify elaborate discuss define analyze interpret outline interpret walk say
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
"""  # fmt: skip
_OTHER = """
read take use consider look suppose assume pretend imagine act play rate split extract retrieve infer match spell
format parse ask try expand extend lengthen simplify shorten test verify confirm prove show implement train search
organise summarise categorise analyse apply conduct perform carry enter input output print return post send call set run
compile collect gather record visualize draw sketch paint sing recite greet convince persuade debate argue defend
oppose justify support cast vote conjugate pluralize capitalize punctuate rhyme unscramble decode encode encrypt decipher
trace map plot graph chart model simulate optimize maximize minimize reduce increase hypothesize speculate deduce
derive integrate differentiate factor graph round approximate measure calculate balance synthesize diagnose treat teach
learn study explore discover highlight underline emphasize specify indicate mark tag annotate note list enumerate
number index quote reference cite document log track monitor schedule book order buy sell pay visit travel cook bake
write re-write type copy paste place position move shift rotate open close start stop begin keep hold let go do be have
provide deliver submit publish advertise market promote pitch sell review recap repeat reiterate restructure
restate refactor reorganize redesign redesign redact redraft rebuild reconstruct recreate reproduce reflect react
reason recall remember remind reply resolve respond restore revise reword rethink tell trim tweak tidy watch listen
interview entertain enact exemplify contextualize characterize personify portray depict narrate comment critique
troubleshoot debug develop diversify divide double triple halve draft elaborate estimate explicate express fill filter
find follow forecast frame generalize grade guide guess hack help illustrate incorporate inform instruct introduce
invite join label manipulate mention mix negotiate normalize object observe outline pair pick place plan point prioritize
process program provide raise rank rearrange rephrase represent request scan score segment shorten sort speak
standardize stress structure style sum survey swap tabulate tally think transcribe transform translate transpose
turn understand update utilize validate vary verbalize weigh word
"""  # fmt: skip

IMPERATIVES = frozenset(verb for verb in f"{_SAME_TASK} {_OTHER}".split())
_LINES = tuple(frozenset(stem(verb) for verb in line.split()) for line in _SAME_TASK.strip().splitlines())
STEMS = frozenset().union(*_LINES)


def verb_of(word: str) -> str | None:
    """The word as a verb that can head a request ("re-write": "rewrite"), or None where it is none we know."""
    plain = word.lower().strip(".,:;!?").replace("-", "")
    return plain if plain in IMPERATIVES else None


def same_task(one: str) -> frozenset[str]:
    """Stems of the verbs that may stand for the verb with this stem, itself included."""
    found: frozenset[str] = frozenset({one}).union(*(line for line in _LINES if one in line))
    return found
