"""The sample market: a server that speaks the formats of all sources, with prices, figures and news that it makes up.

Everything follows from a seed and the time: the same seed gives the same values in the same minute. It knows the
domain (calendar, clock) and nothing else of Pregão: what reads its answers must not have been used to write them.
"""
