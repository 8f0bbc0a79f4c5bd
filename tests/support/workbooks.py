"""Workbooks (.xlsx) made of hand-written XML, since no library that writes them is among the tests' own."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from xml.sax.saxutils import escape

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"

NUMBER, DATE, TIME = 0, 1, 2
"""The styles of styles.xml, by position."""

STYLES = f"""<styleSheet xmlns="{MAIN}"><cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="21"/>
</cellXfs></styleSheet>"""


class Formula:
    """A formula and the result that was saved with it, if any."""

    def __init__(self, result=None):
        self.result = result


class Error:
    """A cell that shows #N/A."""


def column(at):
    """The letters of a column, from 0."""
    letters = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def cell(place, value):
    """A cell as Excel writes it."""
    if value is None:
        return ""
    formula = ""
    if isinstance(value, Formula):
        formula, value = "<f>A1</f>", value.result
    kind, result = saved(value)
    if kind == 't="str"' and not formula:
        return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{result}</t></is></c>'
    return f'<c r="{place}" {kind}>{formula}{f"<v>{result}</v>" if value is not None else ""}</c>'


def saved(value):
    """The attribute that says what a value is, and how it is written."""
    match value:
        case str():
            return 't="str"', escape(value)
        case bool():
            return 't="b"', int(value)
        case Error():
            return 't="e"', "#N/A"
        case dt.date():
            return f's="{DATE}"', (value - dt.date(1899, 12, 30)).days
        case dt.time():
            return f's="{TIME}"', value.hour / 24
        case _:
            return "", value


def sheet(rows, *, first_row=1, first_column=0):
    """The XML of a sheet; a row that is None is not written at all."""
    lines = []
    for number, row in enumerate(rows, first_row):
        if row is not None:
            cells = (cell(f"{column(at)}{number}", value) for at, value in enumerate(row, first_column))
            lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    return f'<worksheet xmlns="{MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def workbook(*sheets, shared=None):
    """The bytes of an .xlsx with these sheets; the first of them is stored under the highest number."""
    ids = [len(sheets) - at for at in range(len(sheets))]
    listed = "".join(f'<sheet name="Sheet{at}" sheetId="{at}" r:id="rId{at}"/>' for at in ids)
    parts = [f'<Relationship Id="rId{at}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{at}.xml"/>' for at in ids]
    parts.append(f'<Relationship Id="rId90" Type="{OFFICE}/styles" Target="styles.xml"/>')
    files = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{listed}</sheets></workbook>',
        "xl/styles.xml": STYLES,
    }
    if shared is not None:
        parts.append(f'<Relationship Id="rId91" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/>')
        texts = "".join(f"<si><t>{escape(text)}</t></si>" for text in shared)
        files["xl/sharedStrings.xml"] = f'<sst xmlns="{MAIN}">{texts}</sst>'
    files["xl/_rels/workbook.xml.rels"] = (
        f'<Relationships xmlns="{PACKAGE}/relationships">{"".join(parts)}</Relationships>'
    )
    files |= {f"xl/worksheets/sheet{at}.xml": text for at, text in zip(ids, sheets, strict=True)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return buffer.getvalue()
