"""What clients may ask for, with the names of the command line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException

from realesr.geometry import Size
from realesr.options import EncodingOptions, Target, UpscaleOptions, VideoOptions

_MOST = 200
"""Largest length of a value in an error message, characters."""
_NAME = re.compile(r"`[a-z]+(?:_[a-z]+)+`")
_BOTH = "name each option once, in the query or in the form"


def _hyphened(name: str) -> str:
    return name.replace("_", "-")


class Parameters(BaseModel):
    """Options of a request; where they are left out, those of the command apply."""

    model_config = ConfigDict(alias_generator=_hyphened, extra="forbid")

    model_name: str | None = Field(None, description="a name of /v1/models", max_length=100)
    outscale: float | None = Field(None, description="scale factor, any number", gt=0, le=64)
    width: int | None = Field(None, description="output width, px", ge=1, le=65535)
    height: int | None = Field(None, description="output height, px", ge=1, le=65535)
    fit: str | None = Field(
        None,
        description="largest size that fits into a box: 3840x2160",
        pattern=r"^[1-9]\d{0,4}x[1-9]\d{0,4}$",
    )
    ext: str | None = Field(
        None, description="format of the result (default: that of the input)",
        pattern=r"^[a-z0-9]{2,5}$",
    )  # fmt: skip
    strength: float = Field(1.0, description="share of the network's detail", ge=0, le=1)
    denoise_strength: float | None = Field(
        None, description="0 keeps noise, 1 removes it; only for realesr-general-x4v3", ge=0, le=1
    )
    color_lock: bool = Field(True, description="whether brightness and color follow the input")

    def upscaling(self, base: UpscaleOptions, default_model: str) -> UpscaleOptions:
        """Returns the options of upscaling.

        Args:
            base: What clients cannot change.
            default_model: The model if none is named.

        Raises:
            InvalidOptionError: Two of them contradict each other.
        """
        box = None if self.fit is None else Size(*map(int, self.fit.split("x")))
        return replace(
            base,
            model_name=self.model_name or default_model,
            target=Target(
                outscale=self.outscale, width=self.width, height=self.height, fit=box
            ),
            strength=self.strength,
            denoise_strength=self.denoise_strength,
            color_lock=self.color_lock,
        )  # fmt: skip


class ImageParameters(Parameters):
    """Options of an image."""

    alpha_upsampler: str = Field(
        "realesrgan", description="realesrgan or bicubic", pattern="^(realesrgan|bicubic)$"
    )
    quality: int | None = Field(None, description="of JPEG, WebP and AVIF", ge=1, le=100)
    smooth_color: bool = Field(True, description="whether the color blocks of JPEG are smoothed")
    lossless: bool = Field(False, description="whether WebP and AVIF lose nothing")
    strip_metadata: bool = Field(False, description="whether metadata is left out")

    def upscaling(self, base: UpscaleOptions, default_model: str) -> UpscaleOptions:
        """Returns the options of upscaling; see :meth:`Parameters.upscaling`."""
        options = super().upscaling(base, default_model)
        return replace(options, alpha_upsampler=self.alpha_upsampler)

    def encoding(self) -> EncodingOptions:
        """Returns the options of encoding.

        Raises:
            InvalidOptionError: Two of them contradict each other.
        """
        return EncodingOptions(
            quality=self.quality, lossless=self.lossless, strip_metadata=self.strip_metadata
        )


class VideoParameters(Parameters):
    """Options of a video."""

    crf: float | None = Field(None, description="quality, lower is better", ge=0, le=63)
    start: float = Field(0, description="start of the excerpt, s", ge=0, le=1e6)
    end: float | None = Field(None, description="end of the excerpt, s", gt=0, le=1e6)
    frames: int | None = Field(None, description="most frames that are read", ge=1)

    def video(self) -> VideoOptions:
        """Returns the options of reading and writing.

        Raises:
            InvalidOptionError: Two of them contradict each other.
        """
        end = None if self.end is None else Fraction(str(self.end))
        return VideoOptions(
            crf=self.crf, start=Fraction(str(self.start)), end=end, frames=self.frames
        )


P = TypeVar("P", bound=Parameters)


def parse(kind: type[P], given: Iterable[tuple[str, str]]) -> P:
    """Parses options; underscores count as hyphens, and empty values as none.

    Args:
        kind: The options that there are.
        given: Names and values, from the query and the fields of a form.

    Raises:
        HTTPException: An option is unknown, is given twice, or has a value outside its range: 422.
    """
    values: dict[str, str] = {}
    for name, value in ((_hyphened(name), value) for name, value in given if value != ""):
        if name in values:
            raise HTTPException(422, f"`{name[:_MOST]}` is given twice: {_BOTH}")
        values[name] = value
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = ".".join(map(str, first["loc"]))
        raise HTTPException(422, _refusal(kind, name, values[name], first["msg"])) from error


def with_hyphens(message: str) -> str:
    """Returns a message of the package with options named as clients type them."""
    return _NAME.sub(lambda match: _hyphened(match[0]), message)


def _refusal(kind: type[Parameters], name: str, value: str, why: str) -> str:
    """Returns what is said of a wrong option.

    Args:
        kind: The options that there are.
        name: Name of the wrong one.
        value: What was given.
        why: The words of pydantic.
    """
    schema = kind.model_json_schema()["properties"].get(name)
    if schema is None:
        return f"`{name[:_MOST]}`: there is no such option"
    wanted = _number_in_words(schema)
    return f"`{name}` {value[:_MOST]}: {why if wanted is None else f'must be {wanted}'}"


def _number_in_words(schema: Mapping[str, Any]) -> str | None:
    """Returns what a number must be; None if the option is no number."""
    for each in schema.get("anyOf", (schema,)):
        if each.get("type") in ("number", "integer"):
            noun = "a whole number" if each["type"] == "integer" else "a number"
            return f"{noun} {_bounds_in_words(each)}"
    return None


def _bounds_in_words(schema: Mapping[str, Any]) -> str:
    """Returns the bounds of a number, which has a lower one."""
    is_open = "exclusiveMinimum" in schema
    least = schema["exclusiveMinimum" if is_open else "minimum"]
    low = f"{'above' if is_open else 'from'} {least:.9g}"
    if "maximum" not in schema:
        return low
    return f"{low} {'and at most' if is_open else 'to'} {schema['maximum']:.9g}"


def documented(kind: type[Parameters], what: str) -> dict[str, Any]:
    """Returns the OpenAPI description of an operation with options and a body."""
    properties = kind.model_json_schema()["properties"]
    query = [
        {"name": name, "in": "query", "required": False,
         "description": schema.get("description", ""),
         "schema": {key: value for key, value in schema.items() if key != "description"}}
        for name, schema in properties.items()
    ]  # fmt: skip
    file = {"type": "string", "format": "binary"}
    form = {"type": "object", "required": ["file"], "properties": {"file": file, **properties}}
    return {
        "parameters": query,
        "requestBody": {
            "required": True,
            "description": f"{what}: as it is, or as the field `file` of a form",
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
                "multipart/form-data": {"schema": form},
            },
        },
    }
