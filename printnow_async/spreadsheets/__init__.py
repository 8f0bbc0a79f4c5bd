"""Imports a spreadsheet of customers into a storefront, and goes on after any interruption.

report = await import_accounts(client, "customers.xlsx", storefront_id=1, journal="customers.journal")
"""

from printnow_async.spreadsheets.checking import Checked, CheckedRow
from printnow_async.spreadsheets.importing import import_accounts
from printnow_async.spreadsheets.results import ImportProgress, ImportReport, RowOutcome

__all__ = [
    "Checked",
    "CheckedRow",
    "ImportProgress",
    "ImportReport",
    "RowOutcome",
    "import_accounts",
]
