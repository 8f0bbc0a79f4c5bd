"""What somebody wants of a guest, in a form that may be stored: digests, and the id of a destination."""

from __future__ import annotations

import hashlib
import secrets

import attrs

from printnow_async.models import NewAccount
from printnow_async.tracking import LifecycleRecord

__all__ = ["ConvertIntent", "digest", "new_salt"]


def new_salt() -> str:
    """A random salt for a new record, 32 hexadecimal digits."""
    return secrets.token_hex(16)


def digest(salt: str, text: str) -> str:
    """A digest of `text` under a record's salt, 64 hexadecimal digits; case makes no difference, as at the server."""
    return hashlib.blake2b(text.casefold().encode(), key=bytes.fromhex(salt), digest_size=32).hexdigest()


@attrs.frozen
class ConvertIntent:
    """To become this account: the same intent means the same username and e-mail address."""

    username_digest: str
    """Digest of the username."""
    email_digest: str
    """Digest of the e-mail address."""

    @classmethod
    def of(cls, account: NewAccount, record: LifecycleRecord) -> ConvertIntent:
        """The intent to become `account`, under the record's salt."""
        return cls(digest(record.salt, account.username), digest(record.salt, account.email))

    def is_of(self, record: LifecycleRecord) -> bool:
        """Whether it is the one recorded."""
        return (self.username_digest, self.email_digest) == (record.username_digest, record.email_digest)
