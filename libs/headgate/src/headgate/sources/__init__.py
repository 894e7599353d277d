"""Landing: bringing what a source sent into a team's private zone, as it came.

What belongs here: one module a kind of source. What does not: judging the rows (the gate does) or changing them.
"""
