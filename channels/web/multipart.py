"""multipart/form-data (RFC 7578) without the request's headers: the boundary is read from the first line."""

import hashlib
import re

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from channels.web.submission import Submission, Upload

_FIRST_LINE = re.compile(rb"--([\x20-\x7e]{0,199}[\x21-\x7e])[ \t]*\r\n")
_PARTS = 200
_HEADER_BYTES = 16_384
_ANY_BOUNDARY = b"huiyin-boundary"


def boundary_of(raw: bytes) -> bytes | None:
    """The boundary, when `raw` begins as a multipart body does."""
    first = _FIRST_LINE.match(raw)
    return first[1] if first else None


def content_hash(raw: bytes) -> str:
    """sha256 in hex of the body without its boundary, which browsers choose anew for the same form."""
    boundary = boundary_of(raw)
    if boundary:
        raw = (b"\r\n" + raw).replace(b"\r\n--" + boundary, b"\r\n--" + _ANY_BOUNDARY)
    return hashlib.sha256(raw).hexdigest()


def read_multipart(raw: bytes, boundary: bytes) -> Submission:
    reader = _Reader()
    try:
        reader.read(raw, boundary)
    except _TooManyParts:
        reader.found.defects.append(f"multipart: only the first {_PARTS} parts are read")
    except FormParserError as error:
        reader.found.defects.append(f"multipart: {error}"[:120])
    return reader.found


class _TooManyParts(Exception):
    pass


class _Reader:
    """Collects the parts that python-multipart calls out."""

    def __init__(self) -> None:
        self.found = Submission()
        self._parts = 0
        self._complete = False
        self._start_part()

    def read(self, raw: bytes, boundary: bytes) -> None:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._end_header,
                "on_part_data": lambda data, start, end: self._content.extend(data[start:end]),
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
            max_header_size=_HEADER_BYTES,
        )
        parser.write(raw)
        if not self._complete:
            self.found.defects.append("multipart: ends before its last boundary")
            self._end_part()

    def _start_part(self) -> None:
        self._headers: dict[str, str] = {}
        self._name, self._value, self._content = bytearray(), bytearray(), bytearray()

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _PARTS:
            raise _TooManyParts
        self._start_part()

    def _end_header(self) -> None:
        # Latin-1 keeps every byte as it is until the charset of the value has been settled.
        self._headers[self._name.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._name.clear()
        self._value.clear()

    def _end_part(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition"))
        name = self.found.decode(options.get(b"name", b""), "field name")
        filename = options.get(b"filename")
        if filename is None and name:
            self.found.fields.append((name, self.found.decode(bytes(self._content), name)))
        elif filename or (filename is not None and self._content):
            upload_name = self.found.decode(filename, "file name")
            content_type = self._headers.get("content-type", "")
            self.found.uploads.append(Upload(upload_name, content_type, bytes(self._content)))
        elif filename is None:
            self.found.defects.append("multipart: a part without a name")
        self._start_part()

    def _end(self) -> None:
        self._complete = True
