"""What the columns of a group are called, and which group a column is of."""

import pytest

from voxsmith.schemas.columns import (
    COLUMNS,
    GROUPS,
    column,
    full_name,
    group_of,
    groups,
    own_language,
    place_of,
    text_column,
)


@pytest.mark.parametrize(
    ("group", "base", "attempt", "name"),
    [
        ("query", "audio", 0, "query_audio"),
        ("answer", "audio", 2, "answer_audio_2"),
        ("answer", "text", 0, "answer_text"),
        ("continuation", "text", 0, "continuation"),
        ("continuation", "audio", 1, "continuation_audio_1"),
        ("continuation", "method", 0, "continuation_method"),
        ("row", "text", 0, "transcript"),
        ("row", "method", 0, "transcript_method"),
        ("row", "audio", 0, "audio"),
        ("row", "heard", 1, "heard_1"),
        ("translation_de", "text", 0, "translation_de"),
        ("translation_de", "audio", 2, "translation_de_audio_2"),
        ("translation_de", "unit_durations", 0, "translation_de_unit_durations"),
        ("continuation", "source_transcript", 0, "continuation_source_transcript"),
        ("augmented", "text", 0, "transcript"),
        ("augmented", "audio", 0, "augmented_audio"),
        ("augmented", "augmentation", 0, "augmentation"),
    ],
)
def test_names(group: str, base: str, attempt: int, name: str) -> None:
    assert full_name(group, base, attempt) == name
    assert column(name) is not None


@pytest.mark.parametrize("name", COLUMNS)
def test_a_columns_place_leads_back_to_its_name(name: str) -> None:
    assert full_name(*place_of(name)) == name


def test_groups() -> None:
    names = ["id", "query_text", "augmented_heard", "augmentation", "transcript", "continuation", "continuation_wer"]
    made = groups({name: COLUMNS[name] for name in names})
    assert [(one.name, list(one.columns)) for one in made] == [
        ("row", ["id", "text"]),
        ("augmented", ["heard", "augmentation"]),
        ("query", ["text"]),
        ("continuation", ["text", "wer"]),
    ]
    assert group_of("clipping") == "row" and group_of("query_clipping") == "query"
    assert [text_column(group) for group in GROUPS[:7]] == [
        "transcript", "transcript", "query_text", "answer_text", "continuation", "translation_ar", "translation_ca",
    ]  # fmt: skip


def test_only_what_is_once_an_attempt_is_numbered() -> None:
    assert column("audio_2") is COLUMNS["audio"] and column("continuation_mos_3") is COLUMNS["continuation_mos"]
    assert column("transcript_2") is None and column("continuation_2") is None and column("units_1") is None


def test_a_translation_is_a_group_with_a_language_of_its_own() -> None:
    assert place_of("translation_de_heard") == ("translation_de", "heard")
    assert place_of("translation_de") == ("translation_de", "text") and place_of("translation_xx") == (
        "row",
        "translation_xx",
    )
    assert [own_language(group) for group in ("translation_de", "row", "query", "augmented")] == [
        "de",
        None,
        None,
        None,
    ]
