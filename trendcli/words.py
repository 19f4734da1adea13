"""Words of the language and not of the field."""

from __future__ import annotations

# neither begin nor end a term
STOP = frozenset(
    "a about above across after against al all along also although always am among an and another any are as at be "
    "became because been before being below between beyond both but by ca can cannot com could did do does done due "
    "during e each eg either else et etc even ever every for from further g had has have having he hence her here how "
    "however http https i ie if in instead into is it its itself just least less let like likely made make makes many "
    "may me might more moreover most much must my namely near need neither never next no nor not now of off often on "
    "once one ones only onto or org other others our out over own per perhaps quite rather s same several shall she "
    "should since so some such t than that the their them themselves then there thereby therefore these they this "
    "those though three through throughout thus to together too toward towards two under unlike until up upon us very "
    "via vs was we well were what when where whereas whether which while who whom whose why will with within without "
    "would www yet you your".split()
)

# end in s and are no plural of the word without it, or mean another thing
NO_PLURAL = frozenset(
    "acoustics aerodynamics analytics basics bayes bias bioinformatics combinatorics does dynamics economics "
    "electronics ethics genetics genomics graphics hydrodynamics informatics kinematics linguistics logics logistics "
    "mathematics means mechanics news optics photonics physics politics robotics semantics sensing series species "
    "statistics thermodynamics".split()
)
