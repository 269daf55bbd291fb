"""The judge: what sync made of a simulated night, compared with the truth about it.

``python -m vampd.simulate.judge --seeds 50`` judges every named scenario and prints the table.
"""

from vampd.simulate.judge.judgement import Judgement, RunJudgement, judge_generation
from vampd.simulate.judge.suite import Tally, judge_scenario, synchronise_night

__all__ = [
    "Judgement",
    "RunJudgement",
    "Tally",
    "judge_generation",
    "judge_scenario",
    "synchronise_night",
]
