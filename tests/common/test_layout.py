"""Where files are and what they are called: the rules of the layout that import-linter does not check."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("models", "workflows", "activities", "web", "workers")
PACKAGES = {"common", "webhooks", "yayoi", "myics", "backoffice"}
BESIDE_THEM = {"models": {"tables", "migrations"}, "web": {"static", "templates"}}
"""Folders of a layer that are no packages of it; `workers` has parts of the program, each with a name of its own."""
OF_THE_WHOLE = {"browser", "cluster", "fuzz", "hostile", "replay", "support", "third_procedure"}
"""Folders of tests that run all layers together, and their support."""

SAME_OF_EACH = {
    "models": {
        "address_checks": "rules, and their store",
        "batches": "rules, and their store",
        "bounces": "rules, and their store",
        "case_status": "the message, and its store",
        "deadlines": "of each product",
        "drafts": "rules, and their store",
        "enquiries": "rules, and their store",
        "events": "rules, and their store",
        "identifiers": "of each package",
        "mails": "subjects of each package",
        "member_invitations": "rules, and their store",
        "messages": "of each package",
        "operations": "of each package",
        "operators": "tables, their rules, and their store",
        "operator_actions": "of each package",
        "passwords": "what a rule is, and those of each product",
        "personal_links": "what all links are, and those of each product",
        "sent_forms": "tables, and their store",
        "starting": "what is stored and not started yet, of each package",
        "vendor_pages": "of each vendor",
    },
    "workflows": {"search_attributes": "what all have, and those of each package"},
    "web": {
        "limits": "of each product",
        "notifications": "of each product",
        "signed_in": "who is signed in to each product",
        "starter": "of each package",
        "wiring": "of each package",
    },
    "workers": {
        "myics": "what each part of the program does for MYICS",
        "webhooks": "what each part of the program does for other systems that are notified",
    },
}
"""File names that a layer may have more than once, with the one thing that they mean there."""

WORDS = {
    *("tell", "tells", "telling", "told", "teller"),
    *("mend", "mends", "mended", "standing", "gallery"),
    *("door", "doors", "gate", "rung", "climb", "ladder"),
    *("hear", "heard", "hearing", "ground", "taking"),
}
"""Not in any name: notify or say; fix or correct; status; auth, access or replay check; escalation and its steps; …"""
PHRASES = {"ways_out", "way_out", "left_out", "left_early", "work_off", "worked_off", "failing_mark", "operators_turn"}
"""Not in any name: early exits, skipped, process, failure flag, operator turn."""
NAMES = {
    *("Asked", "Answer", "Parts", "Moment", "Way", "WayOut", "Work", "House", "Town", "World", "Trouble", "NEWS"),
    *("asking", "managing", "telling", "giving_up", "one_mail", "reaching", "one_at_a_time"),
}
"""Not a whole name: input and output, context, scheduled action, diagram, transaction; files are nouns."""


def sources(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield file.relative_to(ROOT), parsed(file)


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def folders_in(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir() if each.is_dir() and each.name != "__pycache__"}


def imported(module: ast.Module) -> Iterator[str]:
    """What a module imports, also inside functions: modules, and what may be one."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{each.name}" for each in node.names)


def called_in(node: ast.AST) -> Iterator[str]:
    """The names of the methods that are called."""
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute):
            yield each.func.attr


def named_in(module: ast.Module) -> Iterator[str]:
    """Every name that a module gives to something."""
    for node in ast.walk(module):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case _:
                pass


@cache
def is_banned(name: str) -> bool:
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]
    pairs = {f"{one}_{next_}" for one, next_ in pairwise(words)}
    return name.strip("_") in NAMES or not WORDS.isdisjoint(words) or not PHRASES.isdisjoint(pairs)


def test_the_top_level_is_the_layers_their_tests_and_what_stands_beside_them() -> None:
    code = {each.name for each in ROOT.iterdir() if not each.name.startswith(".") and any(each.glob("*.py"))}
    assert code == {*LAYERS, "tests", "bench", "monitoring"}
    assert all((ROOT / name).exists() for name in ("docs", "docker-compose.yml", "pyproject.toml"))


@pytest.mark.parametrize("layer", ["models", "workflows", "activities", "web", "web/templates"])
def test_every_layer_has_the_same_five_packages(layer: str) -> None:
    assert folders_in(ROOT / layer) - BESIDE_THEM.get(layer, set()) <= PACKAGES


def test_the_engine_names_no_product_but_in_the_list_of_those_who_may_act() -> None:
    product = re.compile("弥生(?!　太郎)|yayoi|myics", re.IGNORECASE)  # but for the person in every example
    who_acts = {"models/common/actors.py", "models/common/signing_keys.py"}
    naming = {
        str(file.relative_to(ROOT))
        for layer in ("models", "workflows", "activities", "web", "web/templates")
        for file in (ROOT / layer / "common").rglob("*")
        if file.suffix in {".py", ".html", ".md"} and product.search(file.read_text(encoding="utf-8"))
    }
    assert naming <= who_acts


def test_what_is_named_after_a_product_is_in_its_own_package() -> None:
    """Also mails and pages; only what looks at all cases may name both."""
    elsewhere = {
        str(file.relative_to(ROOT))
        for layer in ("models", "workflows", "activities", "web")
        for package in PACKAGES - {"backoffice"}
        for folder in (ROOT / layer / package, ROOT / layer / "templates" / package)
        for file in folder.rglob("*")
        for product in {"yayoi", "myics"} - {package}
        if product in file.name
    }
    assert elsewhere == set()


def test_the_web_asks_a_procedure_only_what_an_operator_can_do_now() -> None:
    """Pages read where a case is from its row, which is there whether or not a worker answers."""
    found = {str(file) for file, module in sources("web") if "query" in called_in(module)}
    assert found == {"web/backoffice/case_reader.py"}


def test_routes_are_at_module_level() -> None:
    """Within a function they would be made anew, with other parts, by each call."""
    methods = {"get", "post", "put", "patch", "delete", "route", "api_route"}
    nested = [
        f"{file}: {inner.name}"
        for file, module in sources("web")
        for outer in ast.walk(module)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(outer)
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and inner is not outer
        if not methods.isdisjoint(name for each in inner.decorator_list for name in called_in(each))
    ]
    assert nested == []


def test_database_sessions_are_passed_under_our_own_types() -> None:
    theirs = re.compile(r"sqlalchemy\.ext\.asyncio\.(AsyncSession|async_sessionmaker)$")
    naming = {str(file) for file, module in sources(*LAYERS) if any(map(theirs.match, imported(module)))}
    assert naming == {"models/common/store/sessions.py", "workers/database.py"}  # the types, and what opens them


def test_every_folder_of_tests_mirrors_one_of_the_source() -> None:
    without = [
        str(folder)
        for folder in (file.parent.relative_to("tests") for file, _ in sources("tests"))
        if folder.parts and folder.parts[0] not in OF_THE_WHOLE
        if not (ROOT / folder).is_dir() and not any((ROOT / layer / folder).is_dir() for layer in LAYERS)
    ]
    assert sorted(set(without)) == []


def test_no_test_imports_a_test() -> None:
    tests = re.compile(r"\.(test_\w+|conftest)(\.|$)")
    assert [
        f"{file}: {name}" for file, module in sources("tests") for name in imported(module) if tests.search(name)
    ] == []


def test_workflows_take_of_activities_only_the_classes_whose_methods_they_name() -> None:
    of_activities = re.compile(r"activities\.(?!.*\.\w+Activities$)")
    assert [
        f"{file}: {name}"
        for file, module in sources("workflows")
        for name in imported(module)
        if of_activities.match(name)
    ] == []


def test_no_two_public_classes_have_one_name() -> None:
    places = defaultdict(list)
    for file, module in sources(*LAYERS):
        for node in module.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(file))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_file_name_means_one_thing_in_a_layer(layer: str) -> None:
    places = defaultdict(list)
    for file, _ in sources(layer):
        places[file.stem].append(str(file))
    again = {name: files for name, files in places.items() if len(files) > 1 and name != "__init__"}
    assert {name: files for name, files in again.items() if name not in SAME_OF_EACH.get(layer, {})} == {}


@pytest.mark.parametrize("layer", [*LAYERS, "tests", "bench"])
def test_no_name_holds_a_word_that_nobody_outside_understands(layer: str) -> None:
    found = {
        f"{file}: {name}"
        for file, module in sources(layer)
        for name in (file.stem, *named_in(module))
        if is_banned(name)
    }
    assert sorted(found) == []


@pytest.mark.parametrize("name", ["tell_client", "WebhookTeller", "_WAYS_OUT", "Asked", "_ladder", "TOLD_AT"])
def test_a_banned_word_is_found_in_any_spelling(name: str) -> None:
    assert is_banned(name)


@pytest.mark.parametrize("name", ["notify_client", "EarlyExit", "answer", "gateway", "shoulder", "way"])
def test_a_word_is_not_found_inside_another(name: str) -> None:
    assert not is_banned(name)


def test_no_update_handler_is_set_while_a_workflow_runs() -> None:
    """Only declared ones are looked at before a worker starts: each has a validator that asks for a signature."""
    setting = {"set_update_handler", "set_dynamic_update_handler"}
    assert [str(file) for file, module in sources("workflows") if setting & set(called_in(module))] == []
