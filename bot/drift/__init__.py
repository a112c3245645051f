"""Drift of a model's input: profile, streamed counts, statistics, score, report. Used by the command line.

Nothing here is imported when the bot starts: numpy, Arrow and scipy.special come with the modules of this
package, and this file imports none of them.
"""
