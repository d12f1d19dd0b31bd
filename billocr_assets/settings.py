"""Every setting of an installation, read from the environment (``BILLOCR_…``) and from nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="BILLOCR_", extra="ignore")

    home: Path = Field(default=Path(".billocr"), description="Folder for everything that this installation writes.")
    database_url: str = Field(
        default="",
        description="Database as an SQLAlchemy URL, `postgresql://…` or `sqlite:///…`. Empty: SQLite in `home`.",
    )
    objects: str = Field(
        default="",
        description="Where uploads and stage results lie: a folder or `gs://bucket/prefix`. Empty: `home/objects`.",
    )
    host: str = Field(default="127.0.0.1", description="Address that the UI and Dagster listen on.")
    ui_port: int = Field(default=8501, ge=0, le=65535, description="Port of the UI.")
    dagster_port: int = Field(default=3000, ge=0, le=65535, description="Port of Dagster's webserver.")
    dagster_url: str = Field(
        default="",
        description="Address under which operators reach Dagster, shown as a link. Empty: `host` and `dagster_port`.",
    )
    executor: Literal["in_process", "multiprocess", "k8s"] = Field(
        default="in_process",
        description="Where a run's steps execute: `in_process`, `multiprocess` or `k8s` (a pod a step).",
    )
    batch_size: int = Field(default=50, ge=1, description="Most bills that one run of a backfill reads.")
    sweep_minutes: float = Field(
        default=10, gt=0, description="Minutes after which a bill that no run owns is started again."
    )
    max_upload_mb: int = Field(default=25, ge=1, description="Largest upload, in MiB.")
    max_megapixels: int = Field(
        default=100, ge=1, le=170, description="Most pixels of an upload, all pages together, in millions."
    )
    max_pages: int = Field(default=20, ge=1, description="Most pages of an upload.")
    models_dir: Path | None = Field(default=None, description="Folder of weights to use instead of those that ship.")

    @field_validator("home", "models_dir")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        # The processes of an installation start in different folders and must mean the same one.
        return path.expanduser().absolute() if path else None

    @model_validator(mode="after")
    def _derive(self) -> Settings:
        self.home = self.home.absolute()  # the default is not validated
        self.database_url = self.database_url or f"sqlite:///{self.home / 'billocr.db'}"
        self.objects = self.objects or str(self.home / "objects")
        self.dagster_url = self.dagster_url or f"http://{self.host}:{self.dagster_port}"
        return self

    @property
    def models(self) -> Path:
        """The folder of weights: ``<network>/model.onnx``."""
        return self.models_dir or Path(__file__).parent / "models"


def get_settings() -> Settings:
    """The settings as the environment has them now.

    Raises:
        pydantic.ValidationError: a variable has a value that its field refuses.
    """
    return Settings()


def settings_table() -> str:
    """The settings as a Markdown table, in declaration order."""
    rows = ["| Variable | Default | Meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in ("", None) else f"`{field.default}`"
        rows.append(f"| `BILLOCR_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows) + "\n"
