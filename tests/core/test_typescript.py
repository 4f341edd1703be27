from pathlib import Path

import msgspec
import pytest

from streamcell.core import typescript

COMMITTED = Path(__file__).parents[2] / "js" / "src" / "protocol.gen.ts"


def test_printing_the_types_again_changes_nothing():
    assert COMMITTED.read_text(encoding="utf-8") == typescript.source()


def test_every_message_is_printed_with_its_literal_tag():
    printed = typescript.source()
    for union in typescript.UNIONS.values():
        for member in union.__args__:
            tag = msgspec.inspect.type_info(member).tag
            assert f'export interface {member.__name__} {{\n  readonly type: "{tag}";' in printed


def test_a_field_with_a_default_is_optional_and_a_required_one_is_not():
    printed = typescript.source()
    assert "  readonly elapsed: number;" in printed
    assert "  readonly time_to_first_token?: number | null;" in printed


def test_a_type_that_the_page_cannot_hold_is_refused():
    with pytest.raises(TypeError, match="no TypeScript form"):
        typescript._printed(msgspec.inspect.BytesType())
