"""What a caller wants of a guest, in a form that may be stored: digests instead of names."""

from __future__ import annotations

import hashlib

import attrs

from printnow_async.models import NewAccount
from printnow_async.tracking import LifecycleRecord

__all__ = ["ConvertIntent", "digest"]


def digest(salt: str, text: str) -> str:
    """A digest of `text` under a record's salt: 64 hexadecimal digits. Case makes no difference, as at the server."""
    return hashlib.blake2b(text.casefold().encode(), key=bytes.fromhex(salt), digest_size=32).hexdigest()


@attrs.frozen
class ConvertIntent:
    """The intent to become one account: the same intent means the same username and e-mail address."""

    username_digest: str
    """Digest of the username."""
    email_digest: str
    """Digest of the e-mail address."""

    @classmethod
    def of(cls, account: NewAccount, record: LifecycleRecord) -> ConvertIntent:
        """The intent to become `account`, under the record's salt."""
        return cls(digest(record.salt, account.username), digest(record.salt, account.email))

    def is_of(self, record: LifecycleRecord) -> bool:
        """Whether the record names this same intent."""
        return (self.username_digest, self.email_digest) == (record.username_digest, record.email_digest)
