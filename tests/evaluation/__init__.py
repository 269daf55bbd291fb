"""The judge: what sync made of a simulated night, compared with the truth about it.

``python -m tests.evaluation --seeds 50`` judges every named scenario and prints the table.
"""

from tests.evaluation.judgement import Judgement, RunJudgement, judge_generation
from tests.evaluation.suite import Tally, judge_scenario, synchronise_night

__all__ = [
    "Judgement",
    "RunJudgement",
    "Tally",
    "judge_generation",
    "judge_scenario",
    "synchronise_night",
]
