"""Words of the language rather than of a field, which separate terms from the phrases of any abstract.

Beyond function words, these are words that are about as common in all categories of arXiv: in the abstracts of computer
science and statistics of 2016 to 2018 the share of submissions that contain one varies by less than half between
categories.
"""

from __future__ import annotations

# neither begin nor end a term: function words, and the verbs and adverbs of abstracts
STOPWORDS = frozenset(
    "a able about above according accordingly achieve achieved achieves across actually adapted adapting added adding "
    "additionally address addressed addresses addressing adequate adopt aforementioned after against aim aiming al "
    "all allow allowing almost along already also although always am among an analyze analyzed and another any appear "
    "applied apply applying are arise around as assign associated at away based be became because become been before "
    "begin behind being below between beyond both but by ca calculate calculating called can cannot capture carried "
    "carry claim clearly closely com combine combined combining come coming commonly compare compared comparing "
    "completely complicated conclude conduct confirm consequently consider considerably considered considering "
    "consist consisting constructed constructing contain correctly corresponding costly could counterpart currently "
    "de defined defining demonstrate demonstrating depending describe described designed despite detailed determine "
    "determined determining develop developed did differ directly discuss divided do does doing done dramatically "
    "drastically due during e each earlier easier easily eg either else employ employed employing enable enables "
    "encountered enough entire entirely equally especially establish established et etc evaluate even ever every "
    "exceed exhibit existing expand expect explicitly exploit exploited exploiting explore explored extend extended "
    "extending extensively extremely facilitate fail far finally find focus focuses focusing follow followed "
    "following for formed former found from further furthermore g gained generally generated get given go greatly had "
    "handle has have having he heavily hence her here highlight highly how however http https i identify ie if ii iii "
    "importantly improve improved improves improving in include included including increase increasing indeed "
    "independently indicate indicating instead interesting into introduce introduced introducing investigate involve "
    "involved involving is it its itself just keep keeping know largely later latter lead leading least led less let "
    "leverage like likely likewise limited little look looking made mainly make makes many may me might more moreover "
    "most mostly motivate much must my namely naturally near need needed neither never nevertheless new newly next no "
    "nor not notably novel now observing obtain obtained obtaining occur occurring of off offer often on once only "
    "onto or org originally other others otherwise our out outperform outperforms outside over overall overcome own "
    "particular particularly per perform performed perhaps poorly potentially presenting previously primarily "
    "producing properly propose proposed proposing prove proven provide provided providing publicly purely put quite "
    "ranging rather re readily recently reduce refer referred regard relate related relatively relies relying remain "
    "remaining remove removing replace represented representing require required requiring resolve respective "
    "respectively resulting rise s same second secondly section see seek seen select selected selecting several shall "
    "she shortcoming should show showing shown significantly similarly simply simultaneously since slightly so solely "
    "some sometimes specifically starting still subsequent subsequently substantially such suffer suggest suited t "
    "tailored take taken taking than thank that the their them themselves then there thereby therefore these they "
    "this thorough those though through throughout thus to together too toward towards traditionally try typically "
    "under understood unlike until up upon us use used using usually utilize utilizing validate vary verify very via "
    "vs was we well were what when where whereas whether which while who whole whom whose why widely will with within "
    "without would www yet yield yielding yields you your".split()
)

# make no term by themselves or with each other, as in "large scale" and "results of experiments"
GENERIC_WORDS = frozenset(
    "absence accuracy actual add addition additional advance advantage alone amount analysis application applies "
    "approach approaches appropriate area art article aspect author authors available average back baseline basic "
    "beneficial benefit beside best better broad build built careful case certain challenge challenges change "
    "characteristic clear close closer code combination common comparable comparison competitive component comprise "
    "concept considerable construct contrast contribution correct criteria critical crucial current data deal dealing "
    "decade decrease detail difference different difficult difficulties difficulty direct direction domain double "
    "down drawback driven easy effect effective effectiveness efficacy efficiency efficient emphasis essential "
    "evaluation example experiment experimental experiments extensive extra fact fall fashion few field final first "
    "five form four framework full gap general generic github goal good great greater half high higher hope hundred "
    "idea implementation importance important induce information inherent initial insight intrinsic investigation "
    "issue kind large larger last level limitation list literature long longer main major manner matter means method "
    "metric million minimal model modeled modification modified multiple naive nature necessary negative non number "
    "numerous observe one ones open order original paper part past percent performance perspective poor popular "
    "possibility possible potential powerful present previous problem process produce promising proper purpose "
    "quality range real reasonable recent relative represent research researcher respect result review role scale "
    "scenario set setting setup shift significant similar simple single six small solution source space specific "
    "standard state step strong structure study sub suitable superior superiority survey task tasks technique ten "
    "term thousand three time today tool traditional turn two type typical unique updating url usage useful "
    "usefulness variation variety various way wide wider work world year".split()
)

# end in s, but are not the plural of the word without it, or mean something else
NON_PLURALS = frozenset(
    "acoustics aerodynamics analytics basics bayes bias bioinformatics combinatorics does dynamics economics "
    "electronics ethics genetics genomics graphics hydrodynamics informatics kinematics linguistics logics logistics "
    "mathematics means mechanics news optics photonics physics politics robotics semantics sensing series species "
    "statistics thermodynamics".split()
)


def is_stopword_phrase(term: str) -> bool:
    """Return whether a term consists of common words alone, such as "large scale"."""
    return all(
        word in STOPWORDS or word in GENERIC_WORDS or word.removesuffix("s") in GENERIC_WORDS for word in term.split()
    )
