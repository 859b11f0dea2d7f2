"""Which words may stand for one another in a request, and in what forms a word comes.

WordNet would know more, but its packages load the words from the network when they run; and its sets are wide: under
one sense or another nearly each word is in one with a word that changes the task. So these are everyday words only.
"""

from functools import lru_cache

from voxsmith.models.text.words import stem

_FORMS = """
    be is are was were been am; begin began begun; bite bit bitten; blow blew blown; break broke broken; bring brought
    build built; buy bought; catch caught; choose chose chosen; come came; cost costs; cut cuts; do did done does
    draw drew drawn; drink drank drunk; drive drove driven; eat ate eaten; fall fell fallen; feed fed; feel felt
    fight fought; find found; fly flew flown flies; forget forgot forgotten; get got gotten; give gave given
    go went gone; grow grew grown; have had has; hear heard; hide hid hidden; hold held; keep kept; know knew known
    lead led; leave left; lend lent; lose lost; make made; mean meant; meet met; pay paid; ride rode ridden
    ring rang rung; rise rose risen; run ran; say said; see saw seen; sell sold; send sent; sing sang sung; sit sat
    sleep slept asleep; speak spoke spoken; spend spent; spring sprang sprung; stand stood; steal stole stolen
    swim swam swum; take took taken; teach taught; tell told; think thought; throw threw thrown; wake woke woken awake
    wear wore worn; win won; write wrote written; child children; foot feet; goose geese; man men; mouse mice
    person people; tooth teeth; woman women; analysis analyses; life lives; wife wives; leaf leaves; half halves
    strike struck; shoot shot; beat beaten; choose choice choices; sink sank sunk; freeze froze frozen; hit hits
    die died death dead; weigh weight; high height; long length; deep depth; wide width; strong strength; hot heat
    die dying dies; lie lying lies; live life alive; poem poetry; science scientific; see sight
"""
_ALIKE = """
    large big huge; largest biggest hugest; small little tiny; smallest littlest tiniest; larger bigger
    smaller littler; fast quick rapid speedy swift; fastest quickest; faster quicker; happy glad cheerful joyful
    sad unhappy sorrowful; begin start; end finish; buy purchase; sell vend; help assist aid; child kid youngster
    children kids; mother mom mum mommy mama; father dad daddy papa; grandmother grandma granny; grandfather grandpa
    dollar buck; pound quid; car automobile vehicle; movie film; picture image; photo photograph; phone telephone
    cellphone smartphone; bike bicycle; tv television; job work occupation career; house home; shop store
    doctor physician; error mistake wrong; fix correct repair; benefit advantage pro upside plus good; drawback
    disadvantage con downside; effect affect impact influence; cause reason lead; important significant matter
    significance importance key; difference differ different; similarity similar alike common; feature
    characteristic trait property attribute; purpose goal aim point; goal objective target; method way technique
    approach; step stage; part component element piece; kind type sort variety; example instance sample; word term
    meaning mean definition define stand; idea suggestion concept notion; advice tip guidance recommendation hint
    guideline; problem issue trouble; solve resolve solution; answer reply response respond; question query
    story tale narrative; poem verse; ad advertisement advert commercial; letter note message; email mail
    message; essay paper; title headline heading name; summary gist; sentence line; paragraph passage; text passage
    article piece; difficult hard tough challenging; easy simple straightforward; simplest easiest; healthy nutritious
    wholesome; tasty delicious yummy; funny humorous hilarious amusing; famous well-known renowned celebrated noted
    popular; famous well known; old ancient elderly; oldest eldest; new recent modern novel; smart intelligent clever
    bright; beautiful pretty lovely; rich wealthy; rain rainy rainfall; city town; country nation; street road
    sea ocean; stone rock; forest wood; illness disease sickness; sick ill; medicine drug medication; doctor
    physician; exercise workout train; stress pressure tension; relax unwind calm; sleep rest; dinner supper meal
    meal dish; breakfast morning; drink beverage; cook prepare make; recipe dish; gift present; party celebration
    trip journey travel vacation holiday; visit see; company business firm organization enterprise; employee worker
    staff; boss manager supervisor; customer client; money cash fund finance; price cost; save conserve; energy power
    reduce decrease lower cut lessen minimize; increase raise boost grow; improve better enhance; protect safeguard
    prevent stop avoid; keep maintain preserve stay; create make produce; use employ utilize apply; show demonstrate
    illustrate; need require necessary; want desire wish; choose pick select; get obtain acquire receive; learn study
    student pupil; teacher instructor; school college; university college; language tongue; speak talk; world earth
    globe planet; war conflict; leader head president; king ruler monarch; law rule regulation; human person people
    animal creature; dog puppy; cat kitten; plant tree; job position role; interview talk; resume cv; skill ability
    talent; friend pal buddy; colleague coworker; neighbor neighbour; garden yard; flat apartment; holiday vacation
    autumn fall; sofa couch; rubbish garbage trash waste; lift elevator; fuel gas petrol gasoline; sweet candy
    cookie biscuit; pants trousers; football soccer; math mathematics; ingredient contain; contain include have
    convert change turn transform; total sum add together; multiply times; divide split; average mean; boil boiling
    temperature; discover find; invent create; build construct; found establish start set; biggest main; main major
    primary principal chief key; list enumerate; categorize classify; arrange order sort organize rank; shorten
    short shorter; lengthen longer long expand; formal polite professional; casual informal; opposite antonym;
    rhyme rhyming; funny joke; slogan tagline motto catchphrase; logo emblem; brand label; website
    site; internet web online; computer pc; software program app application; data information info; information detail
    fact; statistics numbers stats; chance probability likelihood odds likely; evening tonight night pm; morning am
    afternoon pm; midday noon; midnight night; everyday daily; weekly week; yearly annual year; kilometer km; walk stroll
    hike; run jog; swim swimming; workplace office work; at-home home; impact consequence result outcome; consequence
    effect; outcome result; role part function job; function work purpose; process work happen; happen occur; describe
    like; currency money; population inhabitant people live; situate locate; location place; origin come
    author write; inventor invent; painter paint artist; singer sing; composer compose; director direct
    founder found; global worldwide world; warming climate; climate weather; pollution pollute
    dirty; clean cleaning; wash clean; tidy neat; pet animal; stain spot; smell odor scent; ghost spirit
    scary frightening spooky; hero heroine protagonist; villain antagonist; character person; quote quotation saying;
    proverb saying; idiom saying expression phrase; review critique; opinion view think; argue argument; persuade convince
    apologize sorry apology; thank gratitude grateful; invite invitation; congratulate congratulation; complain complaint
    deal cope handle manage; remove delete; replace swap substitute; insert add; blank gap; complete finish fill
    explain explanation; bad poor; worst poorest; best top greatest finest; brief short; concise short; lengthy long
    entire whole; several some various few different; numerous many; common usual frequent popular; rare uncommon
    pupil student; kindly nice; near close nearby; far distant; inside in; outside outdoors outdoor; indoor inside
    alone single; hazard danger risk; dangerous risky unsafe; safe secure; secure safe; strength strong; weakness weak
    successful succeed success; fail failure; grow raise; crop plant; countryside rural; urban city; snack treat; vegetarian
    veggie meatless; vegan plant; veg vegetable veggie; fruit fruits; dessert sweet; soda pop; lawyer attorney; police cop
    kill murder assassinate; conquer defeat beat; invade attack; win victory; lead guide; govern rule; elect vote
    obligation duty; rights right; equal same; equality equal; poverty poor; hungry hunger; thirsty thirst; tired fatigue
    exhausted; depression depressed sad; anxiety anxious worry nervous; anger angry mad; lonely loneliness; brave courage
    courageous bravery; kind kindness; honest honesty; patient patience; creative creativity; productive productivity
    efficient efficiency; effective work; useful helpful; enjoyable fun; fun enjoyable; boring dull; interesting fascinating
    intriguing; unusual strange weird odd; typical usual; prepare ready; ready prepare; schedule plan timetable;
    plan itinerary; budget afford; cheap inexpensive affordable; expensive pricey costly; loud noisy; quiet silent; heavy weighty
    empty vacant; begin beginning start opening; opening open start; end ending; middle center; top highest; highest tallest
    high tall; depth deep; long length; age old; hot warm; cold cool chilly; wet damp; dry arid; hurt pain ache painful
    heal cure; cure treat treatment remedy; treat treatment; symptom sign; sign signal; flu influenza; jog running
    evaluate assess; judge assess; examine study; research study; experiment test; test exam quiz; grade mark; homework
    assignment; translate say; robot machine; machine device; device gadget tool; tool instrument; steps instructions guide
    instructions direction; direct instruct; teach instruct lesson; lesson class course; course class
"""
_IRREGULAR = {
    word: forms.split()[0]
    for line in _FORMS.replace("\n", ";").split(";")
    if (forms := line.strip())
    for word in forms.split()
}


@lru_cache(maxsize=65536)
def root(word: str) -> str:
    """The stem of a lower-case word, one for all its forms: "wrote", "written" and "writing" are "write"."""
    word = word.removesuffix("'s")
    return stem(_IRREGULAR.get(word, word)) if word else ""


def _sets() -> dict[str, frozenset[int]]:
    where: dict[str, set[int]] = {}
    groups = _ALIKE.replace("\n    ", " ").split(";")
    for number, group in enumerate(groups):
        for word in group.split():
            where.setdefault(root(word), set()).add(number)
    return {word: frozenset(numbers) for word, numbers in where.items()}


_SETS = _sets()
_GRADED = ("er", "est")


@lru_cache(maxsize=65536)
def same_word(one: str, other: str) -> bool:
    """Whether two roots are forms of one word: "explan" and "explain", and not "larg" and "largest"."""
    if one == other:
        return True
    if one[0].isdecimal() or other[0].isdecimal() or one.endswith("est") != other.endswith("est"):
        return False
    shorter, longer = sorted((one, other), key=len)
    common = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(shorter))
    if longer.endswith(("less", "proof", "free")):
        return False
    return common >= 4 and (common == len(shorter) or common >= 0.7 * len(longer)) and len(longer) - common <= 5


@lru_cache(maxsize=65536)
def alike(one: str, other: str) -> bool:
    """Whether one root may stand for the other."""
    return same_word(one, other) or bool(_SETS.get(one, frozenset()) & _SETS.get(other, frozenset()))
