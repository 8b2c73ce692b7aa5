"""The file that maps a form provider's fields to ours, read at start-up."""

import json
import tomllib
from pathlib import Path

from pydantic import ValidationError

from models.yayoi.provider_forms.mapping import FormMapping
from workers.errors import ClearError


class FormMappingError(ClearError):
    """The mapping cannot be used; the message says where and why."""


def read_mapping(file: Path) -> FormMapping:
    """Read a `.toml` or `.json` file. Raises `FormMappingError`."""
    where = f"TETSUZUKI_FORM_MAPPING ({file})"
    try:
        text = file.read_text(encoding="utf-8")
        data = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
        return FormMapping.model_validate(data)
    except OSError as error:
        raise FormMappingError(f"{where} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        wrong = [f"  {'.'.join(map(str, each['loc'])) or 'the whole'}: {each['msg']}" for each in error.errors()]
        raise FormMappingError("\n".join([f"{where} is wrong:", *wrong])) from None
    except ValueError as error:  # neither JSON nor TOML, nor UTF-8
        raise FormMappingError(f"{where} is no {file.suffix.removeprefix('.').upper() or 'TOML'}: {error}") from None
