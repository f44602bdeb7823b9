"""A programme played on the rehearsal clock: example people do example work through the real engine.

Nothing is written past the engine: every step is a deed of somebody, at an instant of the rehearsal clock, in time
order across all cases. The same arguments on the same definitions give the same history; only ids and salts differ.
How long things take and how often they go wrong are assumptions, made to look like a roll-out and not measured.
"""

from workflow.rehearsal.play import Rehearsed, rehearse

__all__ = ["Rehearsed", "rehearse"]
