"""Made-up people, in any number."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from printnow_async.models import NewAccount

__all__ = ["people", "person"]

_FIRST: Final = ("Ada", "Bela", "Chidi", "Dana", "Emil", "Farah", "Goran", "Hana", "Ines", "Jane", "Kofi", "Lena")
_LAST: Final = ("Adler", "Blum", "Costa", "Diaz", "Ekman", "Fontaine", "Grant", "Haddad", "Ito", "Jansen", "Smith")


def person(chance: random.Random, label: str) -> NewAccount:
    """Somebody whose username, e-mail address and company hold `label`, and are theirs alone if that is unique."""
    first, last = chance.choice(_FIRST), chance.choice(_LAST)
    username = f"{first}.{last}.{label}".lower()
    return NewAccount(
        username=username,
        password=f"{chance.getrandbits(64):016x}",
        email=f"{username}@example.com",
        first_name=first,
        last_name=last,
        company=f"Demo {label}",
    )


def people(chance: random.Random, count: int) -> Iterator[NewAccount]:
    """So many people, made up one by one."""
    for number in range(1, count + 1):
        yield person(chance, f"{number:04}")
