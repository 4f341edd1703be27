"""What the user wants back, in four roles: JSON schema for the wire, judge, growing instance, table.

It knows no provider: what one of them does not take of a JSON schema is left out when the request is written,
and still judged here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from streamcell.core.structure import growing, judges, violations
from streamcell.core.structure.json_schema import rooted, table_of
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

    def parse(self, text: str) -> Any:
        """The value of a whole answer: an instance of the schema, or plain JSON for a JSON schema.

        Raises `ProtocolError` with one line that names the places where the answer does not fit.
        """
        found = growing.whole_document(text)
        judge = self._judge_wrapped if self.wrapper and found.startswith("{") else self._judge
        if not found:
            raise ProtocolError(f"the answer does not fit {self.name}: there is no text in it")
        try:
            return judge(found)
        except judges.Unfit as unfit:
            raise ProtocolError(
                f"the answer does not fit {self.name}: {violations.line(unfit.places)}"
            ) from None

    def instance(self, value: Any, whole: Any = UNSET) -> Any:
        """As much of an instance as the plain JSON `value` says, without validation.

        `whole` is the same without a text that is still growing (`growing.Grown`). At every moment it is an
        instance of the schema with every field optional: what has not come is None in a model or dataclass
        and absent in a TypedDict or dict. Before anything came all of it is missing; a list is empty.
        """
        whole = value if whole is UNSET else whole
        if self.wrapper:
            value, whole = self._unwrapped(value), self._unwrapped(whole)
        shown = UNSET if value is UNSET else self._shape(value, whole)
        if shown is not UNSET and isinstance(value, list) == self._is_list:
            return shown
        return self._shape([], []) if self._is_list else self._shape({}, {})

    def partial(self, text: str) -> Any:
        """The same from the beginning of an answer, up to where that stops being JSON."""
        value, whole = growing.read_beginning(text)
        return self.instance(value, whole)

    def _unwrapped(self, value: Any) -> Any:
        return value.get(self.wrapper, UNSET) if isinstance(value, dict) else value

    def __reduce__(self) -> tuple[type[Schema], tuple[object]]:
        return (Schema, (self.given,))

    def __repr__(self) -> str:
        return f"Schema({self.name})"
