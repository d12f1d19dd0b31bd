"""Every setting of an installation, read from the environment (``BILLOCR_…``) and from nowhere else."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Exposed(Exception):
    """An installation that must not be reached by others would be; the message says what to set."""


class OidcProvider(BaseModel):
    """Somebody who vouches for users.

    Attributes:
        name: part of its addresses here; the redirect URI is ``…/auth/oidc/<name>/callback``.
        title: on the button, "Log in with …".
        issuer: as the provider's discovery document and its tokens have it.
        sign_up: whether everybody whom it knows gets an account here.
        link_by_email: whether an address that it has verified opens the account that has this address.
    """

    model_config = ConfigDict(frozen=True)

    name: str = Field(pattern=r"^[a-z0-9-]{1,32}$")
    title: str
    issuer: str = Field(pattern=r"^https?://")
    client_id: str
    client_secret: SecretStr
    sign_up: bool = False
    link_by_email: bool = False


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
    host: str = Field(
        default="127.0.0.1",
        description="Address that the UI listens on. Dagster, which knows no login, stays on `127.0.0.1`.",
    )
    ui_port: int = Field(default=8501, ge=0, le=65535, description="Port of the UI.")
    dagster_port: int = Field(default=3000, ge=0, le=65535, description="Port of Dagster's webserver.")
    dagster_url: str = Field(
        default="",
        description="Address under which operators reach Dagster, shown as a link. Empty: `dagster_port` here.",
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
    runtime: Literal["onnxruntime", "openvino"] = Field(
        default="onnxruntime",
        description="What runs the networks: `onnxruntime`, or `openvino` after `pip install 'billocr[openvino]'`.",
    )
    models_dir: Path | None = Field(default=None, description="Folder of weights to use instead of those that ship.")
    webhooks_private: bool = Field(
        default=False,
        description="Whether webhooks may go to addresses of this machine and its private network, by trusted users.",
    )
    accounts: bool = Field(
        default=False,
        description="Whether people log in. Without, everybody who reaches the UI is the one local user.",
    )
    public_url: str = Field(
        default="", description="Address under which people reach the UI, `https://…`. Empty: as their browsers ask."
    )
    secret: SecretStr = Field(
        default=SecretStr(""),
        description="Signs the cookies of logins under way; the same in all replicas. Empty: a new one at each start.",
    )
    sign_up: Literal["closed", "invitation", "open"] = Field(
        default="closed", description="Who may sign up: nobody, holders of an `invitation`, or everybody (`open`)."
    )
    demo_users: int = Field(
        default=0, ge=0, description="Most people at a time who try it without an account, for a day each."
    )
    oidc: list[OidcProvider] = Field(
        default=[],
        description=(
            "OIDC providers as JSON: "
            '`[{"name": "x", "title": "X", "issuer": "https://…", "client_id": "…", "client_secret": "…"}]`, '
            "each with `sign_up` and `link_by_email` if wanted."
        ),
    )
    dev_idp: bool = Field(
        default=False, description="A provider for trying out OIDC, which believes everybody. Only on this machine."
    )

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
        self.dagster_url = self.dagster_url or f"http://127.0.0.1:{self.dagster_port}"
        self.public_url = self.public_url.rstrip("/")
        if self.public_url and not re.fullmatch(r"https?://[^/?#@]+", self.public_url):
            raise ValueError("public_url is an address without a path, like https://bills.example.org")
        if self.sign_up == "open" and any(provider.link_by_email for provider in self.oidc):
            # Who signs up with a password has not shown that the address is theirs.
            raise ValueError(
                "link_by_email of a provider in oidc does not go with sign_up=open: addresses are unproven"
            )
        return self

    @property
    def providers(self) -> list[OidcProvider]:
        """The OIDC providers, the one for development among them where it is wanted."""
        if not self.dev_idp:
            return self.oidc
        issuer = f"{self.public_url or f'http://{self.host}:{self.ui_port}'}/dev-idp"
        secret = SecretStr("development")
        return [
            *self.oidc,
            OidcProvider(
                name="dev", title="Dev", issuer=issuer, client_id="billocr", client_secret=secret, sign_up=True
            ),
        ]

    def refuse_exposure(self) -> None:
        """
        Raises:
            Exposed: others than the people at this machine could reach what only these may use.
        """
        named = urlsplit(self.public_url).hostname
        if is_loopback(self.host) and (named is None or is_loopback(named)):
            return
        where = f"BILLOCR_HOST={self.host}" if not is_loopback(self.host) else f"BILLOCR_PUBLIC_URL={self.public_url}"
        if not self.accounts:
            raise Exposed(
                f"With {where} others can reach Bill OCR, and nobody would have to log in. Set BILLOCR_ACCOUNTS=true "
                "and make the first admin with “billocr users create --admin”, or listen on this machine only."
            )
        if self.dev_idp:
            raise Exposed(
                f"With {where} others can reach Bill OCR, and BILLOCR_DEV_IDP believes everybody who they say they "
                "are. Unset BILLOCR_DEV_IDP, or listen on this machine only."
            )

    @property
    def models(self) -> Path:
        """The folder of weights: ``<network>/model.onnx``."""
        return self.models_dir or Path(__file__).parent / "models"


def is_loopback(host: str) -> bool:
    """Whether a host's name or address can only mean this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


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
        value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
        default = "" if value in ("", None, []) else f"`{value}`"
        rows.append(f"| `BILLOCR_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows) + "\n"
