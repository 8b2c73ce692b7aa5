"""The product's own classes of a kind, wherever they are defined."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import TypeVar

from pydantic import BaseModel

import activities
import models
import web
import workers
import workflows

PACKAGES = (activities, models, web, workers, workflows)
RUN_WHEN_IMPORTED = ("__main__", "migrations")

Model = TypeVar("Model", bound=BaseModel)
Kind = TypeVar("Kind")


def every(base: type[Model]) -> list[type[Model]]:
    """Return the product's models of this kind, those of its parts too."""
    return every_subclass(base)


def every_subclass(base: type[Kind]) -> list[type[Kind]]:
    """Return the product's classes of this kind, those of its parts too."""
    for package in PACKAGES:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not any(name in module.name for name in RUN_WHEN_IMPORTED):
                importlib.import_module(module.name)
    names = tuple(f"{package.__name__}." for package in PACKAGES)
    return [found for found in _below(base) if found.__module__.startswith(names)]


def _below(base: type[Kind]) -> Iterator[type[Kind]]:
    for found in base.__subclasses__():
        yield found
        yield from _below(found)
