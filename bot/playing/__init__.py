"""Playing rehearsals: the real bot, a staged world, a virtual clock, and whether what must follow did.

Used by `lightship rehearse` alone. It stands above the doors, because people press real buttons in it.
"""
