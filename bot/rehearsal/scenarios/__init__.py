"""Rehearsals as people write them: a world over time, who presses what, and what must follow.

Read by `lightship rehearse`, `lightship check` and `lightship demo`; played by `bot.playing`.
"""
