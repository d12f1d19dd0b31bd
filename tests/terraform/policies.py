"""What no plan of ours may contain, as functions from the planned resources to sentences about what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

Json = dict[str, Any]


class Resource(NamedTuple):
    """A resource as it will be; `unknown` names the arguments that only the cloud will know."""

    address: str
    type: str
    values: Json
    unknown: Json


def planned_resources(plan: Json) -> list[Resource]:
    """The managed resources of a plan's JSON, modules included."""
    return [
        Resource(change["address"], change["type"], change["change"]["after"], change["change"]["after_unknown"])
        for change in plan["resource_changes"]
        if change["mode"] == "managed" and change["change"]["after"] is not None
    ]


def findings(resources: list[Resource]) -> list[str]:
    """Everything that is wrong, each with the address of its resource."""
    return [f"{resource.address}: {text}" for resource in resources for rule in _RULES for text in rule(resource)]


def isolation(resources: list[Resource], instance: str, agents: str) -> list[str]:
    """Grants of an instance to anybody but its own pods, and reaches into what is not its own.

    `agents`: a regular expression of the service agents of Google that deliver messages.
    """
    own = rf"principal://[^ ]*/subject/ns/billocr-{instance}/sa/[a-z-]+"
    found = []
    for resource in resources:
        member = resource.values.get("member")
        people = resource.type == "google_iap_web_iam_member"
        if member is not None and not people and not re.fullmatch(f"{own}|{agents}", member):
            found.append(f"{resource.address}: grants {member} a role in billocr-{instance}")
        for name, value in resource.values.items():
            if name not in _PLACES or not isinstance(value, str):
                continue
            if name == "managed_folder" or (resource.type == "google_storage_managed_folder" and name == "name"):
                if value != f"{instance}/":
                    found.append(f"{resource.address}: reaches the folder {value} of another instance's backups")
            elif name == "bucket" and resource.type.startswith("google_storage_managed_folder"):
                continue  # the bucket that all instances share, of which the folder is the own part
            elif not re.search(rf"\bbillocr[-_]{re.escape(instance).replace('-', '[-_]')}(\b|[-_])", value):
                found.append(f"{resource.address}: {name} is {value}, not billocr-{instance}'s own")
    return found


# Arguments that say which thing a resource is, or belongs to.
_PLACES = ("bucket", "name", "topic", "subscription", "secret", "secret_id", "managed_folder", "display_name")

_BROAD = {
    "roles/owner",
    "roles/editor",
    "roles/viewer",
    "roles/iam.securityAdmin",
    "roles/resourcemanager.projectIamAdmin",
}


def _nobody_is_everybody(resource: Resource) -> Iterator[str]:
    members = [resource.values.get("member"), *(resource.values.get("members") or [])]
    if {"allUsers", "allAuthenticatedUsers"} & {str(member) for member in members}:
        yield "is open to everyone"
    if resource.type in (
        "google_storage_bucket_acl",
        "google_storage_bucket_access_control",
        "google_storage_object_acl",
    ):
        yield "grants by access-control lists, which no policy of the bucket shows"


def _no_broad_role(resource: Resource) -> Iterator[str]:
    if resource.values.get("role") in _BROAD:
        yield f"grants {resource.values['role']}"
    if re.search(r"_iam_(policy|binding)$", resource.type):
        yield "is authoritative: it takes away grants that others made"


def _no_key(resource: Resource) -> Iterator[str]:
    if resource.type in ("google_service_account_key", "google_storage_hmac_key", "google_apikeys_key"):
        yield "is a long-lived key"


def _buckets_are_private(resource: Resource) -> Iterator[str]:
    if resource.type != "google_storage_bucket":
        return
    if resource.values.get("public_access_prevention") != "enforced":
        yield "may be made public"
    if resource.values.get("uniform_bucket_level_access") is not True:
        yield "has access-control lists on objects"
    if resource.values.get("force_destroy") is True:
        yield "is deleted with what is in it"
    kept = any(block.get("enabled") for block in resource.values.get("versioning") or [])
    if not kept and not resource.values.get("retention_policy"):
        yield "keeps neither older versions nor a retention period"


def _no_secret_in_the_state(resource: Resource) -> Iterator[str]:
    match resource.type:
        case "google_secret_manager_secret_version":
            if resource.values.get("secret_data") or resource.unknown.get("secret_data"):
                yield "keeps the secret in the state: secret_data instead of secret_data_wo"
            if resource.values.get("secret_data_wo_version") is None:
                yield "has no secret_data_wo_version"
        case "google_sql_user":
            if resource.values.get("password") or resource.unknown.get("password"):
                yield "keeps the password in the state: password instead of password_wo"
            if resource.values.get("password_wo_version") is None:
                yield "has no password_wo_version"
        case "random_password" | "random_string" | "tls_private_key":
            yield "keeps a secret in the state: make it ephemeral"


def _no_public_address(resource: Resource) -> Iterator[str]:
    values = resource.values
    match resource.type:
        case "google_sql_database_instance":
            for network in _blocks(values, "settings", "ip_configuration"):
                if network.get("ipv4_enabled") is not False:
                    yield "has a public address"
                if network.get("ssl_mode") not in ("ENCRYPTED_ONLY", "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"):
                    yield "accepts connections without TLS"
                if network.get("authorized_networks"):
                    yield "lets networks in"
        case "google_container_cluster":
            if not any(block.get("enable_private_nodes") for block in _blocks(values, "private_cluster_config")):
                yield "has nodes with public addresses"
            endpoints = list(_blocks(values, "control_plane_endpoints_config", "ip_endpoints_config"))
            if not endpoints or any(block.get("enabled") is not False for block in endpoints):
                yield "has a control plane with an IP address"
        case "google_container_node_pool":
            if not any(block.get("enable_private_nodes") for block in _blocks(values, "network_config")):
                yield "has nodes with public addresses"
        case "google_compute_address" | "google_compute_global_address":
            # The one public address: the Gateway's.
            if values.get("address_type") != "INTERNAL" and not resource.address.endswith(".gateway"):
                yield "is a public address"
        case "google_compute_firewall":
            if "0.0.0.0/0" in (values.get("source_ranges") or []):
                yield "lets the Internet in"
        case "google_compute_instance" | "google_compute_instance_template":
            if list(_blocks(values, "network_interface", "access_config")):
                yield "has a public address"
        case "google_compute_subnetwork":
            if values.get("private_ip_google_access") is not True:
                yield "reaches Google's APIs through the Internet"


def _protected_against_deletion(resource: Resource) -> Iterator[str]:
    values = resource.values
    kinds = ("google_container_cluster", "google_sql_database_instance", "google_secret_manager_secret")
    if resource.type in kinds and values.get("deletion_protection") is not True:
        yield "can be deleted by a slip"
    if resource.type == "google_sql_database_instance" and not any(
        block.get("deletion_protection_enabled") for block in _blocks(values, "settings")
    ):
        yield "can be deleted in the console by a slip"
    if resource.type in ("google_sql_database", "google_sql_user") and values.get("deletion_policy") != "ABANDON":
        yield "goes with a destroy"


def _pods_not_nodes_hold_rights(resource: Resource) -> Iterator[str]:
    for block in _blocks(resource.values, "node_config"):
        if resource.type == "google_container_node_pool":
            if not block.get("service_account"):
                yield "runs as the default account"
            modes = [inner.get("mode") for inner in _blocks(block, "workload_metadata_config")]
            if modes != ["GKE_METADATA"]:
                yield "lets pods act as the node"


def _blocks(values: Json, name: str, *deeper: str) -> Iterator[Json]:
    for block in values.get(name) or []:
        if deeper:
            yield from _blocks(block, *deeper)
        else:
            yield block


_RULES = (
    _nobody_is_everybody,
    _no_broad_role,
    _no_key,
    _buckets_are_private,
    _no_secret_in_the_state,
    _no_public_address,
    _protected_against_deletion,
    _pods_not_nodes_hold_rights,
)
