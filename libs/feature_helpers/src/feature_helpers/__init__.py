"""Features that several teams compute in the same way.

What belongs here: pure functions over Ibis expressions and arrays that know no team's tables. What does not: a feature
that one team alone defines, anything that learns, anything that reads or publishes a table.
"""

from feature_helpers.categories import indicator_name, one_hot
from feature_helpers.cutoffs import Cutoffs, choose_cutoffs, label_silence, look_back
from feature_helpers.errors import FeatureError
from feature_helpers.ranks import percentile_rank, rfm_scores, score_by_rank
from feature_helpers.sampling import sample_by_key
from feature_helpers.scaling import standardise

__all__ = [
    "Cutoffs",
    "FeatureError",
    "choose_cutoffs",
    "indicator_name",
    "label_silence",
    "look_back",
    "one_hot",
    "percentile_rank",
    "rfm_scores",
    "sample_by_key",
    "score_by_rank",
    "standardise",
]
