import re
from pathlib import Path
from typing import Any

import pytest
from autotune.objectives.models.names import PRETRAINED_RATES, SCRATCH_RATES
from autotune.search.study_file.reading import changed_keys, read_study_file
from autotune.search.study_file.schema import StudyFile, default_name, json_schema
from autotune.search.study_file.together import mistakes_together
from autotune.search.study_file.yaml_document import read_document
from pydantic import ValidationError

ROOT = Path(__file__).parents[2]
SHIPPED = sorted([*ROOT.glob("studies/*/study.yaml"), ROOT / "benchmarks" / "reviews1000.yaml"])

GOOD: dict[str, Any] = {
    "name": "reviews",
    "objective": "sentiment.accuracy",
    "data": {"train": "reviews.csv"},
    "model": {"encoder": "scratch:tiny"},
    "tasks": {"sentiment": {"kind": "classification"}, "language": {"kind": "masked_lm"}},
}


def study(**changes: Any) -> StudyFile:  # noqa: ANN401
    return StudyFile.model_validate({**GOOD, **changes})


def walked(schema: object) -> list[dict[str, Any]]:
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else []
    own = [schema] if isinstance(schema, dict) else []
    return [*own, *(found for part in inner for found in walked(part))]


def test_the_learning_rates_suit_the_encoder_unless_the_file_has_some() -> None:
    assert study().search_space().learning_rate == SCRATCH_RATES
    assert study(model={"encoder": "someone/some-encoder"}).search_space().learning_rate == PRETRAINED_RATES
    space = study(space={"learning_rate": ["1e-5", "1e-3"]}).search_space()
    assert space.learning_rate == (1e-5, 1e-3)
    assert list(space.auxiliaries) == ["language"]


def test_a_fixed_learning_rate() -> None:
    space = study(space={"learning_rate": 3e-5}).search_space()
    assert space.distributions["learning_rate"].single()
    assert space.baseline().learning_rate == pytest.approx(3e-5)


def test_a_searched_setting_may_have_a_value_for_the_baseline() -> None:
    given = study(
        space={"training": {"weight_decay": ["1e-3", "1e-1"], "schedule": ["linear", "cosine"]}},
        training={"weight_decay": 0.05, "schedule": "cosine"},
    )
    space = given.search_space()
    assert {"training.weight_decay", "training.schedule"} <= set(space.distributions)
    nearest = space.nearest(space.baseline())
    assert (nearest["training.weight_decay"], nearest["training.schedule"]) == (0.05, "cosine")


def test_numbers_written_as_text_are_the_same_choices() -> None:
    space = study(space={"training": {"weight_decay": ["1e-3", "1e-2", 0.1], "batch_size": {"choices": ["8", 16]}}})
    assert (
        space.search_space().distributions
        == study(space={"training": {"weight_decay": [1e-3, 1e-2, 0.1], "batch_size": {"choices": [8, 16]}}})
        .search_space()
        .distributions
    )
    assert space.search_space().nearest(space.search_space().baseline())["training.weight_decay"] == 1e-2


@pytest.mark.parametrize("name", ["..", ".a", "-a", "a/b", "a\\b", "", "a b", "a" * 65, "a\n", "é"])
def test_a_name_never_leaves_its_folder(name: str) -> None:
    with pytest.raises(ValidationError, match="name"):
        study(name=name)
    assert not re.search(json_schema()["properties"]["name"]["pattern"], name) or name.endswith("\n")


@pytest.mark.parametrize("name", ["a.b", "2", "", "a b"])
def test_a_task_s_name_is_one_that_heads_and_parameters_can_have(name: str) -> None:
    with pytest.raises(ValidationError) as error:
        study(tasks={**GOOD["tasks"], name: {"kind": "classification", "label": "aspect"}})
    assert [detail["loc"][:2] for detail in error.value.errors()] == [("tasks", name)]


@pytest.mark.parametrize("name", ["a", "2024", "reviews.v2_b-3", "a" * 64])
def test_names(name: str) -> None:
    assert study(name=name).name == name
    assert re.search(json_schema()["properties"]["name"]["pattern"], name)


def test_all_that_does_not_fit_together_is_told_at_once() -> None:
    tasks = {**GOOD["tasks"], "again": {"kind": "masked_lm"}, "keys": {"kind": "classification", "label": "aspect"}}
    found = mistakes_together(study(objective="language.accuracy", tasks=tasks))
    assert {place for place, _ in found} == {("objective",), ("tasks", "again"), ("tasks", "keys")}


def test_all_but_the_data_and_the_tasks_has_a_default() -> None:
    short = StudyFile.model_validate(
        {"name": "a", "data": {"train": "a.csv"}, "tasks": {"t": {"kind": "classification"}}}
    )
    assert short.objective == "t.accuracy"
    assert short.model.encoder == "sentence-transformers/all-MiniLM-L6-v2"
    assert json_schema()["required"] == ["data", "tasks"]
    assert list(json_schema()["properties"])[:2] == ["name", "objective"]


@pytest.mark.parametrize(
    ("file", "name"),
    [("reviews.yaml", "reviews"), ("my reviews (2).yaml", "my-reviews-2-"), (".yaml", "study"),
     ("reviews.yaml.yml", "reviews"), ("评论.yaml", "study"),
     ("..a.yml", "a"), ("a" * 99 + ".yaml", "a" * 64)],
)  # fmt: skip
def test_a_study_is_named_after_its_file(file: str, name: str) -> None:
    assert default_name(file) == name
    assert study(name=name).name == name


def test_a_study_file_survives_json() -> None:
    full = read_study_file(ROOT / "benchmarks" / "reviews1000.yaml")
    assert StudyFile.model_validate_json(full.model_dump_json()) == full


def test_the_schema_has_a_title_and_describes_every_setting() -> None:
    schema = json_schema()
    assert schema["title"]
    assert schema["$schema"].startswith("https://json-schema.org/")
    settings = [setting for part in walked(schema) for setting in part.get("properties", {}).values()]
    own = [setting for setting in settings if isinstance(setting, dict) and ("title" in setting or "$ref" in setting)]
    assert len(own) > 30
    assert not [setting for setting in own if "description" not in setting and "const" not in setting]


def test_the_schema_names_the_settings_that_may_be_searched() -> None:
    searched = json_schema()["$defs"]["SpaceSettings"]["properties"]["training"]
    assert {"epochs", "schedule", "weight_decay"} <= set(searched["properties"])
    assert "learning_rate" not in searched["properties"]


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.parent.name)
def test_shipped_study_files_are_right_in_our_eyes_and_in_an_editor_s(file: Path) -> None:
    read_study_file(file)
    jsonschema = pytest.importorskip("jsonschema", reason="an editor's part is played by jsonschema")
    validator = jsonschema.Draft202012Validator(json_schema())
    jsonschema.Draft202012Validator.check_schema(json_schema())
    values = read_document(file.read_text(encoding="utf-8"), file.name).values
    assert not list(validator.iter_errors(values))
    assert list(validator.iter_errors({**values, "serach": {}}))


def test_what_changed() -> None:
    old = study(search={"trials": 60}, storage="postgresql://me:secret@host/db")
    new = study(
        search={"trials": 80},
        storage="postgresql://you:secret@host/db",
        space={"learning_rate": [1e-5, 1e-3], "training": {"epochs": [1, 3]}},
        tasks={**GOOD["tasks"], "aspect": {"kind": "classification", "label": "aspect"}},
    )
    assert changed_keys(old, old) == []
    assert changed_keys(old, new) == [
        "tasks.aspect: added, {data: null, text: 'text', text_pair: null, tokens: null, kind: 'classification', "
        "label: 'aspect'}",
        "storage: 'postgresql://me:***@host/db' -> 'postgresql://you:***@host/db'",
        "space.learning_rate: null -> [1e-05, 0.001]",
        "space.training.epochs: added, {low: 1.0, high: 3.0, log: false}",
        "search.trials: 60 -> 80",
    ]
    aspect = "{data: null, text: 'text', text_pair: null, tokens: null, kind: 'classification', label: 'aspect'}"
    assert f"tasks.aspect: {aspect} -> removed" in changed_keys(new, old)


def test_another_order_of_tasks_is_a_change() -> None:
    old = {"sentiment": {"kind": "classification"}, "aspect": {"kind": "classification", "label": "aspect"}}
    new = dict(reversed(old.items()))
    assert changed_keys(study(tasks=old), study(tasks=new, objective="aspect.accuracy")) == [
        "objective: 'sentiment.accuracy' -> 'aspect.accuracy'",
        "tasks: sentiment, aspect -> aspect, sentiment (the first is the main task)",
    ]


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("objective", ["sentiment.accuracy", "cost.gflops"], ["sentiment.accuracy"]),
        ("objective", "sentiment.f1", ["sentiment.f1", "sentiment.f1"]),
        ("data", {"train": "a.csv", "validation": {"folds": 5}}, {"train": "a.csv", "validation": {"folds": 1}}),
        ("data", {"train": "a.csv", "validation": 0.1}, {"train": "a.csv", "validation": {"fold": 5}}),
        ("space", {"training": {"keep_layers": [None, 2]}}, {"training": {"kept_layers": [None, 2]}}),
        ("search", {"sampler": "grid", "grid": {"over": ["learning_rate"]}}, {"sampler": "grid", "grid": {"over": []}}),
    ],
)
def test_an_editor_knows_what_several_objectives_folds_and_grids_look_like(key: str, good: object, bad: object) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="an editor's part is played by jsonschema")
    validator = jsonschema.Draft202012Validator(json_schema())
    assert not list(validator.iter_errors({**GOOD, key: good}))
    assert list(validator.iter_errors({**GOOD, key: bad}))
    study(**{key: good})
    with pytest.raises(ValidationError):
        study(**{key: bad})


def test_a_study_file_of_several_objectives_and_folds_survives_json() -> None:
    full = study(
        objective=["sentiment.accuracy", "cost.parameters"],
        data={"train": "reviews.csv", "validation": {"folds": 5}},
        space={"training": {"keep_layers": [None, 2]}},
    )
    assert StudyFile.model_validate_json(full.model_dump_json()) == full
    assert (full.metric, full.measures) == ("accuracy", ["accuracy", "cost.parameters"])
    assert (full.data.folds, study().data.folds) == (5, None)
    assert changed_keys(study(), full)[:2] == [
        "data.validation: 0.2 -> {folds: 5}",
        "objective: 'sentiment.accuracy' -> ['sentiment.accuracy', 'cost.parameters']",
    ]
