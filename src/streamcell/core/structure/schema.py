"""What the user wants back, in four roles: JSON schema for the wire, judge, growing instance, table.

It knows no provider: what one of them does not take of a JSON schema is left out when the request is written,
and still judged here.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from msgspec import UNSET

from streamcell.core.structure import growing, judges, violations
from streamcell.core.structure.json_schema import may_be_object, rooted, table_of
from streamcell.core.structure.simple_shapes import inside
from streamcell.errors import ProtocolError


class Schema:
    """A schema as the user gave it. Raises `UsageError` for what is none, and where one cannot be written.

    `json` is the JSON schema for the wire and always describes an object, as providers demand: another root,
    such as that of a list, is the one property `wrapper` of an object, and is taken out again when read (an
    answer without that object is read, too). `name` is for messages.
    """

    def __init__(self, given: object) -> None:
        self.given = given
        self.name = judges.name_of(given)
        parts = (
            judges.of_json_schema(given) if isinstance(given, Mapping) else judges.of_type(given, self.name)
        )
        self._judge, self._shape = parts.judge, parts.shape
        self.json, self.wrapper = rooted(parts.json)
        self.table = table_of(parts.plain, written=parts.json)
        self._judge_wrapped = parts.wrapped(self.wrapper) if self.wrapper else parts.judge
        self._is_list = parts.json.get("type") == "array"
        self._bare_objects = bool(self.wrapper) and may_be_object(parts.json)

    def parse(self, text: str) -> Any:
        """The value of a whole answer: an instance of the schema, or plain JSON for a JSON schema.

        Raises `ProtocolError` with one line that names the places where the answer does not fit.
        """
        found = growing.whole_document(text)
        if not found:
            raise ProtocolError(f"the answer does not fit {self.name}: there is no text in it")
        try:
            return self._judged(found)
        except judges.Unfit as unfit:
            raise ProtocolError(
                f"the answer does not fit {self.name}: {violations.line(unfit.places)}"
            ) from None

    def _judged(self, found: str) -> Any:
        if not self.wrapper or not found.startswith("{"):
            return self._judge(found)
        try:
            return self._judge_wrapped(found)
        except judges.Unfit:
            if not self._bare_objects:
                raise
            with suppress(judges.Unfit):
                return self._judge(found)
            raise

    def instance(self, value: Any, whole: Any = UNSET, *, levels: int = 0) -> Any:
        """As much of an instance as the plain JSON `value` says, without validation.

        `whole` is the same without a text that is still growing, and of `levels` objects and lists the end is
        still to come (`growing.Grown`). At every moment it is an instance of the schema with every field
        optional: what has not come is None in a model or dataclass and absent in a TypedDict or dict. Before
        anything came all of it is missing; a list is empty.
        """
        whole = value if whole is UNSET else whole
        if self.wrapper and isinstance(value, dict) and self._is_wrapped(value):
            levels = inside(levels, value, self.wrapper)
            value, whole = value.get(self.wrapper, UNSET), whole.get(self.wrapper, UNSET)
        shown = UNSET if value is UNSET else self._shape(value, whole, levels)
        if shown is not UNSET and isinstance(value, list) == self._is_list:
            return shown
        # Nothing of it has come, and it may be anything yet.
        return self._shape([], [], 1) if self._is_list else self._shape({}, {}, 1)

    def partial(self, text: str) -> Any:
        """The same from the beginning of an answer, up to where that stops being JSON."""
        value, whole, levels = growing.read_beginning(text)
        return self.instance(value, whole, levels=levels)

    def _is_wrapped(self, value: dict[str, Any]) -> bool:
        return not self._bare_objects or next(iter(value), self.wrapper) == self.wrapper

    def __reduce__(self) -> tuple[type[Schema], tuple[object]]:
        return (Schema, (self.given,))

    def __repr__(self) -> str:
        return f"Schema({self.name})"
