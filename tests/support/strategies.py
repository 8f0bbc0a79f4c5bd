"""What travels: customers as the server describes them, accounts as users do, and bodies as the internet sends them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import strategies as st

from printnow_async import Customer, CustomerUpdate, NewAccount

# ---------------------------------------------------------------- JSON

texts = st.text(st.characters(exclude_categories=["Cs"]))
"""Text that UTF-8 can carry."""

json_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
)

json_fields = json_scalars | st.lists(json_scalars, max_size=2) | st.dictionaries(texts, json_scalars, max_size=1)
"""A value of each JSON type, and not deep."""

json_values = st.recursive(
    json_scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def encoded(value):
    """A JSON body in UTF-8."""
    return json.dumps(value, ensure_ascii=False).encode()


# ---------------------------------------------------------------- customers

zones = st.none() | st.just("Z") | st.integers(-14 * 60, 14 * 60)


@st.composite
def timestamps(draw):
    """(as the server writes it, the moment in UTC): 0 to 7 fractional digits, with or without a zone."""
    moment = draw(st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)))  # noqa: DTZ001 -- the zone follows
    digits = draw(st.integers(0, 7))
    written = moment.isoformat(timespec="seconds")
    moment = moment.replace(microsecond=0)
    if digits:
        fraction = draw(st.integers(0, 10**digits - 1))
        written += f".{fraction:0{digits}d}"
        moment = moment.replace(microsecond=fraction * 10**7 // 10**digits // 10)
    zone = draw(zones)
    if not isinstance(zone, int):
        return written + (zone or ""), moment.replace(tzinfo=UTC)
    sign, (hours, minutes) = "-" if zone < 0 else "+", divmod(abs(zone), 60)
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=zone)))
    return f"{written}{sign}{hours:02d}:{minutes:02d}", aware.astimezone(UTC)


ids = st.integers(-(2**63), 2**63 - 1)
_same = {"storefront_id": ids}
_same |= dict.fromkeys(("storefront", "first_name", "last_name", "email", "username", "company", "organization"), texts)
_same |= dict.fromkeys(("receive_marketing_emails", "tax_exempt", "is_temporary"), st.booleans())
FIELDS = {
    **{name: values.map(lambda value: (value, value)) for name, values in _same.items()},
    **dict.fromkeys(("last_logged_in_on", "created_on", "last_updated_on"), timestamps()),
    "user_groups": st.lists(texts, max_size=4).map(lambda names: (names, tuple(names))),
}
"""Each documented field but the id: (as it is written, as it is read)."""

unknown_names = texts.filter(lambda name: name not in FIELDS and name != "id")


@st.composite
def customers(draw):
    """(a customer object as the server may send it, the `Customer` that it is)."""
    number = draw(ids)
    written, read = {"id": number}, {"id": number}
    for name in draw(st.sets(st.sampled_from(list(FIELDS)))):
        if draw(st.booleans()) or draw(st.booleans()):
            written[name], read[name] = draw(FIELDS[name])
        else:
            written[name] = None
    extra = draw(st.dictionaries(unknown_names, json_values, max_size=3))
    names = draw(st.permutations([*written, *extra]))
    everything = {**written, **extra}
    return {name: everything[name] for name in names}, Customer(**read, extra=extra)


# ---------------------------------------------------------------- what users build

fields_to_send = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
"""A character that a field of an account may hold."""
sent_texts = st.text(fields_to_send)
usernames = st.text(fields_to_send, min_size=3, max_size=50)
passwords = st.text(fields_to_send, min_size=6, max_size=40)
not_blank = sent_texts.filter(str.strip)
emails = st.builds("{}@{}".format, not_blank, st.from_regex(r"[a-z0-9-]{1,20}(\.[a-z]{2,6}){0,2}", fullmatch=True))

accounts = st.builds(
    NewAccount,
    username=usernames,
    password=passwords,
    email=emails,
    first_name=not_blank,
    last_name=not_blank,
    company=st.none() | sent_texts,
    receive_marketing_emails=st.booleans(),
)

CHANGES = {
    "password": st.none() | passwords,
    "first_name": st.none() | sent_texts,
    "last_name": st.none() | sent_texts,
    "company": st.none() | sent_texts,
    "receive_marketing_emails": st.none() | st.booleans(),
    "tax_exempt": st.none() | st.booleans(),
}

changes = st.fixed_dictionaries({}, optional=CHANGES).filter(bool)
"""The arguments of a `CustomerUpdate`: at least one."""

updates = changes.map(lambda given: CustomerUpdate(**given))

# ---------------------------------------------------------------- bodies of error answers

_scraps = st.sampled_from(
    [
        *(b"<html>", b"<title>", b"</title>", b"<title", b"<!--", b"-->", b"<script>", b"</script >", b"<head>"),
        *(b"</head>", b"<style", b"<p>", b"<", b">", b"&lt;", b"&#x0;", b"&#99999999999;", b"&", b";", b"\xff\xfe"),
        *(b"{", b"}", b"[", b"]", b'"', b":", b",", b'"Message"', b'"message":', b"null", b"\\u", b"\\ud800", b"\\"),
        *(b"\xef\xbb\xbf", b"\r\n", b" ", b"\x00", b"Username is already in use.", b"1e9999", b"9" * 5000),
    ]
)  # fmt: skip

documents = json_values.map(encoded)

bodies = st.one_of(
    st.binary(),
    documents,
    st.lists(_scraps, max_size=12).map(b"".join),
    st.tuples(documents, st.integers(0, 200)).map(lambda cut: cut[0][: cut[1]]),
    st.dictionaries(st.sampled_from(["Message", "message", "error", "title"]), json_values).map(encoded),
    st.text().map(lambda text: text.encode("utf-16", "surrogatepass")),
)
"""Whatever a server, a proxy or an accident may send."""

statuses = st.integers(100, 599)

header_values = st.one_of(
    st.text(),
    st.integers().map(str),
    st.floats().map(str),
    st.lists(
        st.sampled_from(
            [
                *("Mon,", "Sunday,", "Nov", "06", "6", "1994", "94", "06-Nov-94", "08:49:37", "25:61:61", "8.49"),
                *("GMT", "-0000", "+0100", "-9999", "+99999999999", "-", ":", "(", "\u0663", "99999"),
            ]
        ),
        max_size=8,
    ).map(" ".join),
)
"""What may stand in `Retry-After` and `Date`."""
