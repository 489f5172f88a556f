"""Forms of plain data that is read from files of others; every value is checked by its type."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError

from sirna.system.limits import quoted

Text = Annotated[str, Strict(), Field(max_length=10_000)]
Number = Annotated[float, Strict(), Field(ge=-1e12, le=1e12, allow_inf_nan=False)]
Above0 = Annotated[float, Strict(), Field(gt=0.0, le=1e12, allow_inf_nan=False)]
Index = Annotated[int, Strict(), Field(ge=0, le=100_000_000)]
Form = TypeVar("Form", bound="StoredForm")


class StoredForm(BaseModel):
    """A table of plain data: finite numbers, no unknown entries; lists may be tuples."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


def read_stored(form: type[Form], raw: Any) -> Form:
    """Check plain data.

    Raises
    ------
    ValueError
        Naming the first entry that is absent, unknown or of another type, in one line.
    """
    try:
        return form.model_validate(raw)
    except ValidationError as error:
        raise ValueError(first_fault(error)) from error


def first_fault(error: ValidationError) -> str:
    """Describe the first fault of plain data in one line."""
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"no entry {quoted(field)}"
    if first["type"] == "extra_forbidden":
        return f"unknown entry {quoted(field)}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{quoted(field)}: {message[0].lower()}{message[1:]}, not {quoted(first['input'])}"
