"""A folder of a model of any kind: a manifest of sums, JSON, weights in safetensors.

The sums of SHA256SUMS, as sha256sum writes it, are checked before anything is parsed. Once a model
is calibrated there is ``calibration.json``, too.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import Field, TypeAdapter, ValidationError, field_validator
from safetensors import SafetensorError
from safetensors.numpy import load

from kakehashi.config.segmenting import TextSettings
from kakehashi.config.sources import Settings
from kakehashi.corpora.checks import is_entity_type
from kakehashi.errors import ModelError
from kakehashi.files import replacing_folder, sha256_of, write_atomically, write_json
from kakehashi.runtime.model_hub import download, is_address
from kakehashi.text.edges import EdgeNames, EdgeRules

MANIFEST = "SHA256SUMS"
WEIGHTS = "weights.safetensors"
ENCODER = "encoder.json"
"""What describes a model that reads the states of an encoder; others do not have this file."""

CALIBRATION = "calibration.json"
_CODES = "word.vectors.codes"
_LONGEST_PROBLEM = 300  # characters
_LARGEST_CALIBRATION = 1 << 16  # bytes
_Value = TypeVar("_Value")


class Calibration(Settings):
    """A temperature of probabilities, and what it was chosen by, see `runtime.calibration`.

    The file ``calibration.json``, which a model folder of any kind may have.
    """

    temperature: float = Field(gt=0, le=1000, allow_inf_nan=False)
    mentions: int = Field(ge=0, description="Predicted in development data.")
    corpus: str = Field(description="SHA-256 of the texts and mentions of that data.")
    error_before: float = Field(ge=0, le=1, description="Expected calibration error there.")
    error_after: float = Field(ge=0, le=1)

    def __str__(self) -> str:
        """Return it as a line."""
        error = f"calibration error {self.error_before:.3f} before, {self.error_after:.3f} after"
        return f"temperature {self.temperature:.2f}, by {self.mentions:,} mentions; {error}"


class Description(Settings):
    """What the JSON of a model of any kind says."""

    newest_format: ClassVar[int]

    format_version: int = Field(ge=1)
    kakehashi: str
    name: str
    text: TextSettings
    segmenter: str = ""
    types: tuple[str, ...]
    edges: EdgeNames | None = None  # without, whatever is found stays as it is

    @field_validator("format_version")
    @classmethod
    def _is_known(cls, version: int) -> int:
        if version > cls.newest_format:
            known = f"1 to {cls.newest_format}" if cls.newest_format > 1 else "1"
            raise ValueError(
                f"is {version}, and this kakehashi reads {known}; use the version that wrote the"
                " model, or upgrade"
            )
        return version

    @field_validator("types")
    @classmethod
    def _are_types(cls, types: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(types)) != len(types) or not all(map(is_entity_type, types)):
            raise ValueError("expected entity types without blanks, no two alike")
        return types

    @field_validator("edges")
    @classmethod
    def _name_classes(cls, edges: EdgeNames | None) -> EdgeNames | None:
        EdgeRules.from_dict(edges or {})
        return edges

    def edge_rules(self) -> EdgeRules | None:
        """What mentions may begin and end with."""
        return None if self.edges is None else EdgeRules.from_dict(self.edges)


def find_model(path: str | Path) -> Path:
    """Find the model folder: the path itself, of a run folder, or of the Hub (``hf://…``).

    `ModelError` if there is none; see `kakehashi.runtime.model_hub`.
    """
    path = download(str(path)) if is_address(path) else Path(path)
    for folder in (path, path / "model"):
        if (folder / MANIFEST).is_file():
            return folder
    if path.is_file():
        raise ModelError(path, "is a file; expected a model or run folder")
    if not path.exists():
        raise ModelError(path, "there is no such model or run folder")
    if (path / "result.json").is_file():
        raise ModelError(
            path, "has no model folder, as runs of baselines have none; name another run"
        )
    raise ModelError(path, f"is no model folder: it has no {MANIFEST}; an unfinished run has none")


def model_fingerprint(path: str | Path, *, calibrated: bool = True) -> str:
    """Hash the sums of the files of a model, which loading checks; or of all but its calibration.

    What is trained from a model, or learns from it, does not depend on that. An ONNX file is hashed
    itself.
    """
    if Path(path).is_file():
        return sha256_of(Path(path))
    lines = (find_model(path) / MANIFEST).read_bytes().splitlines(keepends=True)
    if not calibrated:
        lines = [line for line in lines if not line.endswith(f"  {CALIBRATION}\n".encode())]
    return hashlib.sha256(b"".join(lines)).hexdigest()


def listed_files(folder: Path) -> list[str]:
    """List the files of a model folder, by their manifest, which comes last itself."""
    lines = (folder / MANIFEST).read_text(encoding="utf-8").splitlines()
    return [*(line[66:] for line in lines), MANIFEST]


def write_sums(folder: Path, files: Sequence[str]) -> None:
    """Write the manifest of files that are there."""
    write_atomically(folder / MANIFEST, _manifest(folder, files))


def check_sums(folder: Path, files: Sequence[str]) -> None:
    """Check that the files are there, and have the sums of the manifest; `ModelError` if not.

    A calibration may be there, too.
    """
    if (folder / CALIBRATION).is_file():
        files = (*files, CALIBRATION)
    for name in files:
        if not (folder / name).is_file():
            raise ModelError(folder, f"{name} is missing; copy or train the model again")
    expected = _manifest(folder, files)
    with (folder / MANIFEST).open("rb") as file:
        found = file.read(2 * len(expected))
    if found == expected.encode():
        return
    damaged = [line[66:] for line in expected.splitlines() if line.encode() not in found]
    problem = f"{', '.join(damaged) or MANIFEST} is damaged: the SHA-256 is not the one recorded"
    raise ModelError(folder, f"{problem}; copy or train the model again")


def _manifest(folder: Path, files: Sequence[str]) -> str:
    return "".join(f"{sha256_of(folder / name)}  {name}\n" for name in files)


def temperature_of(calibration: Calibration | None) -> float:
    """Return the temperature; 1 of a model that is not calibrated."""
    return 1.0 if calibration is None else calibration.temperature


def read_calibration(folder: Path) -> Calibration | None:
    """Read the calibration in a model folder whose sums are checked; None if there is none."""
    path = folder / CALIBRATION
    return (
        parse_json(path, TypeAdapter(Calibration), _LARGEST_CALIBRATION) if path.is_file() else None
    )


def seal(folder: Path, files: Sequence[str], calibration: Calibration | None) -> None:
    """Write what a model folder with these files has at last: a calibration, and the manifest."""
    if calibration is not None:
        write_json(folder / CALIBRATION, calibration.model_dump(mode="json"))
        files = [*files, CALIBRATION]
    write_sums(folder, files)


def write_calibration(folder: Path, calibration: Calibration) -> None:
    """Put a calibration into a model folder of any kind, in place of one that is there."""
    files = [name for name in listed_files(folder) if name not in (CALIBRATION, MANIFEST)]
    with replacing_folder(folder) as temporary:
        for name in files:
            shutil.copy2(folder / name, temporary / name)
        seal(temporary, files, calibration)


def parse_json(path: Path, expected: TypeAdapter[_Value], most: int) -> _Value:
    """Parse a file, if it has at most so many bytes."""
    problem = f"it is larger than {most:,} bytes"
    if path.stat().st_size <= most:
        try:
            return expected.validate_json(path.read_bytes())
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            key = ".".join(str(part) for part in first["loc"])
            problem = f"{key}: {first['msg'].removeprefix('Value error, ')}"
    raise malformed(path, problem)


def read_weights(folder: Path) -> dict[str, npt.NDArray[Any]]:
    """Read the weights; safetensors refuses a header that claims more than there is."""
    try:
        weights = load((folder / WEIGHTS).read_bytes())
    except (SafetensorError, KeyError, RuntimeError, ValueError, TypeError) as error:
        raise misfit(folder, str(error)) from None
    for name, values in weights.items():
        expected = np.int8 if name == _CODES else np.float32
        if values.dtype != expected:
            wanted = np.dtype(expected)
            raise misfit(folder, f"{name}: expected numbers of type {wanted}, got {values.dtype}")
    return weights


def check_weights(
    folder: Path,
    weights: Mapping[str, npt.NDArray[Any]],
    shapes: Mapping[str, tuple[int, ...]],
) -> None:
    """Check that weights have the names and shapes expected, and are finite; else `ModelError`."""
    for name, shape in shapes.items():
        came = weights[name].shape if name in weights else "none"
        if came != shape:
            raise misfit(folder, f"{name}: expected the shape {shape}, got {came}")
    if strange := weights.keys() - shapes.keys():
        raise misfit(folder, f"unexpected {min(strange)}")
    for name, values in weights.items():
        if values.size and not np.isfinite([values.min(), values.max()]).all():
            problem = "has weights that are infinite or no number; train the model again"
            raise ModelError(folder, f"{name} {problem}")


def misfit(folder: Path, problem: str) -> ModelError:
    """Describe weights that are not what the description says, in one line."""
    problem = " ".join(problem.split())[:_LONGEST_PROBLEM]
    return ModelError(folder, f"the weights do not fit the model's settings ({problem})")


def malformed(path: Path, problem: str) -> ModelError:
    """Describe a file that does not hold what it should, in one line."""
    problem = " ".join(problem.split())[:_LONGEST_PROBLEM]
    return ModelError(path, f"does not hold what a model folder should ({problem})")
