"""Which words may stand for one another in a request, and in what forms a word comes.

WordNet would know more, but its packages load the words from the network when they run; and its sets are wide: under
one sense or another nearly each word is in one with a word that changes the task. So these are everyday words only.
"""

from functools import lru_cache

from voxsmith.models.text.words import stem

_FORMS = """
    be is are was were been am; become became; begin began begun; bite bit bitten; blow blew blown; break broke broken; bring brought
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
    activity thing; ensure sure guarantee; determine decide; phenomenon thing; become get turn; large big huge major
    great; largest biggest hugest greatest; larger bigger greater; small little tiny; smallest littlest tiniest;
    smaller littler; main major big primary principal chief key most; fast quick rapid speedy swift; fastest
    quickest; faster quicker; long lengthy; short brief concise; longer lengthen expand; shorter shorten; tall high;
    tallest highest; old ancient elderly; oldest eldest; new recent modern; hot warm; cold cool chilly; heavy
    weighty; loud noisy; quiet silent; cheap inexpensive affordable; expensive pricey costly; easy simple
    straightforward; easiest simplest; hard difficult tough challenging; hardest toughest; good great nice fine;
    best top greatest finest; bad poor terrible; worst poorest; healthy nutritious wholesome; tasty delicious yummy;
    funny humorous hilarious amusing joke; scary frightening spooky; happy glad cheerful joyful; sad unhappy
    sorrowful; angry anger mad; anxious anxiety nervous worry; lonely loneliness; tired fatigue exhausted; hungry
    hunger; brave courage courageous bravery; smart intelligent clever; beautiful pretty lovely; rich wealthy;
    famous renowned celebrated; popular common; common usual often frequent; rare uncommon; typical usual; unusual
    strange weird odd; important significant matter importance significance; crucial vital essential; necessary need
    require; useful helpful; effective work; safe secure; dangerous risky unsafe; danger risk hazard; ready prepare;
    clean wash; tidy neat; whole entire; several some various few; numerous many; only single sole just; same
    identical equal; different differ difference; similar similarity alike common; opposite antonym; fun enjoyable;
    boring dull; interesting fascinating; formal polite professional; casual informal; global worldwide world;
    yearly annual year; weekly week; daily everyday day; close near nearby; outside outdoors outdoor; inside indoors
    indoor; alone single; mother mom mum mommy mama mam; father dad daddy papa; grandmother grandma granny;
    grandfather grandpa; child kid youngster; children kids; baby infant; friend pal buddy mate; boss manager
    supervisor; employee worker staff; customer client; doctor physician; lawyer attorney; teacher instructor;
    student pupil; guy man; person someone people human; neighbor neighbour; colleague coworker; author writer; hero
    protagonist; villain antagonist; police cop; inhabitant people population live; dollar buck; pound quid; money
    cash; car automobile vehicle; film movie; picture image; photo photograph; phone telephone cellphone smartphone;
    bike bicycle; tv television; computer pc; program app application software; website site; internet web online;
    job work occupation career; house home; shop store; flat apartment; garden yard; sofa couch; rubbish garbage
    trash waste; lift elevator; fuel gas petrol gasoline; sweet candy; sweets candies; cookie biscuit; dessert
    sweet; soda pop; pants trousers; football soccer; city town; country nation; street road; sea ocean; stone rock;
    forest wood; autumn fall; holiday vacation; trip journey travel; gift present; party celebration; dinner supper
    meal; meal dish; recipe dish; drink beverage; vegetarian veggie meatless; vegetable veggie veg; medicine drug
    medication; illness disease sickness; sick ill; pain hurt ache; symptom sign; cure treat treatment remedy;
    exercise workout; company business firm; earth world globe planet; war conflict; law rule regulation; animal
    creature; plant crop; device gadget; tool instrument; device machine; tip advice guidance recommendation hint
    suggestion; idea suggestion; advice suggest suggestion; concept notion idea; benefit advantage pro upside plus
    good perk; drawback disadvantage con downside; effect affect impact influence change; result outcome consequence
    effect impact; cause reason lead; difference distinguish apart; feature characteristic trait property attribute
    typical; purpose goal aim point function; goal objective target; way method technique approach; step stage; part
    component piece; ingredient part; kind type sort variety; example instance sample; meaning mean definition
    define; problem issue trouble; solve solution resolve; error mistake wrong; answer reply response respond; story
    tale narrative; poem verse; ad advertisement advert commercial; email mail; letter note message; headline title
    heading; summary gist; saying proverb quote quotation; idiom expression phrase saying; slogan tagline motto
    catchphrase; skill ability talent; resume cv; schedule plan timetable itinerary; budget afford; price cost;
    power energy; information info detail fact data; statistics stats numbers; chance probability likelihood odds
    likely; opinion view think; review critique; feeling emotion; math mathematics; evening night pm tonight;
    morning am; afternoon pm; noon midday; america american usa us; britain british uk england english; kilometer
    km; role part; weather climate; begin start; beginning start opening; end finish ending; buy purchase; sell
    vend; help assist aid; fix correct repair; choose pick select; make create produce; build construct; use employ
    utilize apply; show demonstrate illustrate; get obtain acquire receive; want desire wish; learn study; keep
    maintain preserve stay; save conserve; prevent stop avoid; protect safeguard; reduce decrease lower cut lessen
    minimize less fewer; increase raise boost grow more; improve better enhance; convert change turn transform;
    combine merge join; remove delete; replace swap substitute; insert add; complete finish fill; list enumerate
    name; categorize classify; arrange order sort organize rank; evaluate assess judge; explain explanation
    describe; describe like; translate say; compare comparison; speak talk; walk stroll; run jog; relax unwind calm;
    sleep rest; cook prepare make; eat consume; happen occur; discover find; invent create; found establish start;
    situate locate; live inhabit; win victory; defeat beat conquer; invade attack; kill murder assassinate; lead
    guide; rule govern reign; persuade convince; apologize sorry apology; thank gratitude grateful; deal cope handle
    manage; motivate inspire; influence affect shape; develop grow; earn make; gain get; look appear; form make;
    contain include have; own have; divide split; multiply times; sum total add together; visit see; attend go;
    celebrate mark; teach instruct; understand grasp; remember recall memorize; clean tidy; rhyme rhyming; wake
    awake
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
    groups = _ALIKE.split(";")
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
    if common == len(shorter) >= 3 and longer[common:] in ("s", "e", "es"):
        return True
    return common >= 4 and (common == len(shorter) or common >= 0.7 * len(longer)) and len(longer) - common <= 5


@lru_cache(maxsize=65536)
def alike(one: str, other: str) -> bool:
    """Whether one root may stand for the other."""
    return same_word(one, other) or bool(_SETS.get(one, frozenset()) & _SETS.get(other, frozenset()))
