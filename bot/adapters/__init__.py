"""The ports' other side: one product each. Only `bot.bootstrap` imports from here."""
