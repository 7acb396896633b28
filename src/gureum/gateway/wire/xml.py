"""XML in: a small tree by expat, with document types and entities refused and depth and size bounded."""

from __future__ import annotations

import re
from xml.parsers import expat

from gureum.gateway.wire.scalars import Malformed

MAX_DEPTH = 64
MAX_ELEMENTS = 500_000


class Element:
    """One element: its local name (prefix cut off), attributes as written, text and children."""

    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name, self.attributes = name, attributes
        self.children: list[Element] = []
        self.text = ""


class _Builder:
    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._pieces: list[str] = []
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) >= MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise Malformed("The XML you provided is too deep or too large")
        element = Element(name.rpartition(":")[2], attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)
        self._pieces.clear()

    def end(self, name: str) -> None:
        element = self._open.pop()
        if not element.children:
            element.text = "".join(self._pieces)
        self._pieces.clear()

    def data(self, text: str) -> None:
        self._pieces.append(text)


def _refuse(*_: object) -> None:
    raise Malformed("Document types and entities are not accepted")


def parse(text: bytes) -> Element:
    """The root element of an XML document. Raises Malformed."""
    builder = _Builder()
    parser = expat.ParserCreate()
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.buffer_text = True
    try:
        parser.Parse(text, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise Malformed("The XML you provided was not well-formed") from error
    if builder.root is None:
        raise Malformed("The XML you provided was not well-formed")
    return builder.root


def escape(text: str) -> str:
    """Text made fit for an element or an attribute. Characters that XML cannot hold go by number, as S3 does."""
    return text if _UNSAFE.search(text) is None else text.translate(_ESCAPES)


_CONTROLS = [code for code in range(32) if chr(code) not in "\t\n"] + [0xFFFE, 0xFFFF]
_ESCAPES = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;"} | {
    code: f"&#x{code:x};" for code in _CONTROLS
}
_UNSAFE = re.compile("[" + "".join(re.escape(chr(code)) for code in _ESCAPES) + "]")
