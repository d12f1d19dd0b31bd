# ruff: noqa: E501 - planted HCL, unbroken
"""No plan of ours opens what must be closed, and every fault that is planted is found."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.terraform.check import REPOSITORY, Finding, terraform
from tests.terraform.conftest import TERRAFORM, Root, examples
from tests.terraform.policies import findings, isolation, planned_resources

# Google's own accounts that carry an instance's messages.
AGENTS = r"serviceAccount:service-[\w-]+@(gs-project-accounts|gcp-sa-pubsub)\.iam\.gserviceaccount\.com"
CHECKOV = REPOSITORY / ".venv-terraform/bin/checkov"


@pytest.mark.parametrize("root", ["bootstrap", "platform", "production", "development"])
def test_a_plan_opens_nothing_and_keeps_its_secrets(stack: dict[str, Root], root: str) -> None:
    assert findings(planned_resources(stack[root].plan)) == []


@pytest.mark.parametrize(("instance", "other"), [("production", "development"), ("development", "production")])
def test_instances_share_nothing(stack: dict[str, Root], instance: str, other: str) -> None:
    resources = planned_resources(stack[instance].plan)
    assert isolation(resources, instance, AGENTS) == []
    assert [resource.address for resource in resources if other in json.dumps(resource.values)] == []


def test_the_platform_grants_nothing_to_pods_of_instances(stack: dict[str, Root]) -> None:
    members = [resource.values.get("member") or "" for resource in planned_resources(stack["platform"].plan)]
    pods = {member.rpartition("/subject/")[2] for member in members if member.startswith("principal://")}
    assert pods == {"ns/cert-manager/sa/cert-manager"}


def test_no_account_of_ci_may_grant_itself_more(stack: dict[str, Root]) -> None:
    resources = planned_resources(stack["bootstrap"].plan)
    roles = {
        resource.values["role_id"]: set(resource.values["permissions"])
        for resource in resources
        if resource.type == "google_project_iam_custom_role"
    }
    assert {"billocr_plan", "billocr_apply", "billocr_deploy"} <= roles.keys()
    for name, permissions in roles.items():
        widening = {
            permission
            for permission in permissions
            if re.match(
                r"resourcemanager\.projects\.setIamPolicy|iam\.(roles|serviceAccounts|serviceAccountKeys)\.", permission
            )
        }
        content = {"storage.objects.get", "secretmanager.versions.access", "cloudsql.instances.connect"} & permissions
        assert (name, widening, content) == (name, set(), set())
    assert not [
        name for name in roles["billocr_plan"] if re.search(r"\.(create|update|delete|setIamPolicy|add)$", name)
    ]


def test_passwords_are_neither_in_the_plan_nor_in_the_state(offline: None, stack: dict[str, Root]) -> None:
    with terraform(TERRAFORM / "instance", platform=stack["platform"].outputs["platform"]) as real:
        plan = real.plan(examples("instance")[0])
        real.apply()
        state = (real.root / "terraform.tfstate").read_text()
    # The offline provider makes up `fake-result` for the random password.
    assert "fake-result" not in json.dumps(plan)
    assert "fake-result" not in state
    assert "password_wo_version" in state


# Each fault alone is valid HCL of a kind that a hurried change brings.
MISTAKES = {
    "an_unknown_argument": (
        'resource "google_pubsub_topic" "x" {\n  name = "x"\n  colour = "red"\n}',
        'An argument named "colour" is not expected here',
    ),
    "an_unknown_block": (
        'resource "google_pubsub_topic" "x" {\n  name = "x"\n  paint {}\n}',
        'Blocks of type "paint" are not expected here',
    ),
    "a_wrong_type": (
        'resource "google_sql_user" "x" {\n  name = "x"\n  instance = "x"\n  password_wo_version = "soon"\n}',
        "a number is required",
    ),
    "a_missing_argument": (
        'resource "google_storage_bucket" "x" {\n  name = "x"\n}',
        'The argument "location" is required',
    ),
    "a_missing_block": (
        'resource "google_secret_manager_secret" "x" {\n  secret_id = "x"\n}',
        'At least 1 "replication" blocks are required',
    ),
    "a_block_too_many": (
        'resource "google_storage_bucket" "x" {\n  name = "x"\n  location = "EU"\n  versioning {\n    enabled = true\n  }\n'
        "  versioning {\n    enabled = false\n  }\n}",
        'No more than 1 "versioning" blocks are allowed',
    ),
    "an_unknown_type": (
        'resource "google_storage_bukket" "x" {\n  name = "x"\n}',
        'does not support resource type "google_storage_bukket"',
    ),
    "a_reference_to_nothing": (
        'output "x" {\n  value = google_storage_bucket.this.adress\n}',
        'has no argument, nested block, or exported attribute named "adress"',
    ),
    "a_password_that_would_reach_the_state": (
        'resource "google_secret_manager_secret_version" "x" {\n  secret = "x"\n'
        '  secret_data = ephemeral.random_password.this["ui_cookie"].result\n}',
        "Ephemeral values are not valid",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_terraform_finds_a_planted_mistake(offline: None, mistake: str) -> None:
    text, message = MISTAKES[mistake]
    with terraform(TERRAFORM / "instance", changes={"planted.tf": text}) as real:
        found = [f"{diagnostic['summary']}: {diagnostic['detail']}" for diagnostic in real.validate()]
    assert any(message in one for one in found), found


INSTANCE_FAULTS = {
    "a_public_bucket": (
        'resource "google_storage_bucket_iam_member" "a_public_bucket" {\n  bucket = google_storage_bucket.this.name\n'
        '  role = "roles/storage.objectViewer"\n  member = "allUsers"\n}',
        "is open to everyone",
    ),
    "a_bucket_that_may_become_public": (
        'resource "google_storage_bucket" "a_bucket_that_may_become_public" {\n  name = "x"\n  location = "EU"\n'
        '  public_access_prevention = "inherited"\n}',
        "may be made public",
    ),
    "a_bucket_that_goes_with_its_content": (
        'resource "google_storage_bucket" "a_bucket_that_goes_with_its_content" {\n  name = "x"\n  location = "EU"\n'
        "  force_destroy = true\n}",
        "is deleted with what is in it",
    ),
    "a_primitive_role": (
        'resource "google_project_iam_member" "a_primitive_role" {\n  project = "p"\n  role = "roles/editor"\n'
        "  member = local.principals.ui\n}",
        "grants roles/editor",
    ),
    "a_key": (
        'resource "google_service_account_key" "a_key" {\n  service_account_id = "x"\n}',
        "is a long-lived key",
    ),
    "a_grant_that_takes_away_others": (
        'resource "google_storage_bucket_iam_binding" "a_grant_that_takes_away_others" {\n'
        '  bucket = google_storage_bucket.this.name\n  role = "roles/storage.admin"\n  members = [local.principals.ui]\n}',
        "is authoritative",
    ),
    "a_secret_in_the_state": (
        'resource "google_secret_manager_secret_version" "a_secret_in_the_state" {\n  secret = "x"\n  secret_data = "hush"\n}',
        "keeps the secret in the state",
    ),
    "a_password_in_the_state": (
        'resource "google_sql_user" "a_password_in_the_state" {\n  name = "x"\n  instance = "x"\n  password = "hush"\n}',
        "keeps the password in the state",
    ),
    "a_random_password_that_is_kept": (
        'resource "random_password" "a_random_password_that_is_kept" {\n  length = 9\n}',
        "make it ephemeral",
    ),
    "a_secret_without_protection": (
        'resource "google_secret_manager_secret" "a_secret_without_protection" {\n  secret_id = "x"\n'
        "  replication {\n    auto {}\n  }\n}",
        "can be deleted by a slip",
    ),
    "a_firewall_for_everyone": (
        'resource "google_compute_firewall" "a_firewall_for_everyone" {\n  name = "x"\n  network = "x"\n'
        '  source_ranges = ["0.0.0.0/0"]\n}',
        "lets the Internet in",
    ),
    "a_public_machine": (
        'resource "google_compute_instance" "a_public_machine" {\n  name = "x"\n  machine_type = "e2-small"\n'
        '  boot_disk {}\n  network_interface {\n    network = "x"\n    access_config {}\n  }\n}',
        "has a public address",
    ),
}

PLATFORM_FAULTS = {
    "a_public_database": (
        'resource "google_sql_database_instance" "a_public_database" {\n  database_version = "POSTGRES_17"\n'
        '  settings {\n    tier = "x"\n    ip_configuration {\n      ipv4_enabled = true\n    }\n  }\n}',
        ("has a public address", "accepts connections without TLS", "can be deleted by a slip"),
    ),
    "a_public_cluster": (
        'resource "google_container_cluster" "a_public_cluster" {\n  name = "x"\n  deletion_protection = false\n}',
        ("has nodes with public addresses", "has a control plane with an IP address", "can be deleted by a slip"),
    ),
    "a_pool_with_rights": (
        'resource "google_container_node_pool" "a_pool_with_rights" {\n  cluster = "x"\n  node_config {\n'
        '    machine_type = "x"\n    workload_metadata_config {\n      mode = "GCE_METADATA"\n    }\n  }\n}',
        ("lets pods act as the node", "runs as the default account", "has nodes with public addresses"),
    ),
    "a_public_address": (
        'resource "google_compute_global_address" "a_public_address" {\n  name = "x"\n}',
        ("is a public address",),
    ),
}


def _planted(root: str, faults: dict[str, tuple[str, Any]], example: str, **told: Any) -> list[str]:
    with terraform(
        TERRAFORM / root, changes={"planted.tf": "\n".join(text for text, _ in faults.values())}, **told
    ) as real:
        return findings(planned_resources(real.plan(example)))


@pytest.fixture(scope="module")
def found_in_instance(stack: dict[str, Root]) -> list[str]:
    told = stack["platform"].outputs["platform"]
    return _planted("instance", INSTANCE_FAULTS, examples("instance")[0], platform=told)


@pytest.fixture(scope="module")
def found_in_platform(stack: dict[str, Root]) -> list[str]:
    told = stack["bootstrap"].outputs["bootstrap"]
    return _planted("platform", PLATFORM_FAULTS, examples("platform")[0], bootstrap=told)


@pytest.mark.parametrize("fault", INSTANCE_FAULTS)
def test_a_planted_fault_of_an_instance_is_found(found_in_instance: list[str], fault: str) -> None:
    here = [text for text in found_in_instance if f".{fault}:" in text]
    assert any(INSTANCE_FAULTS[fault][1] in text for text in here), found_in_instance


@pytest.mark.parametrize("fault", PLATFORM_FAULTS)
def test_a_planted_fault_of_the_platform_is_found(found_in_platform: list[str], fault: str) -> None:
    here = " ".join(text for text in found_in_platform if f".{fault}:" in text)
    assert [text for text in PLATFORM_FAULTS[fault][1] if text not in here] == []


def test_nothing_but_what_was_planted_is_found(found_in_instance: list[str], found_in_platform: list[str]) -> None:
    planted = "|".join([*INSTANCE_FAULTS, *PLATFORM_FAULTS])
    assert [text for text in found_in_instance + found_in_platform if not re.search(rf"\.({planted}):", text)] == []


CROSSINGS = {
    "a_grant_to_anothers_pod": (
        'resource "google_storage_bucket_iam_member" "a_grant_to_anothers_pod" {\n'
        '  bucket = google_storage_bucket.this.name\n  role = "roles/storage.objectViewer"\n'
        '  member = replace(local.principals.ui, "billocr-production", "billocr-development")\n}',
        "grants principal://",
    ),
    "a_reach_into_anothers_bucket": (
        'resource "google_storage_bucket_iam_member" "a_reach_into_anothers_bucket" {\n'
        '  bucket = "acme-bills-billocr-development"\n  role = "roles/storage.objectViewer"\n'
        "  member = local.principals.ui\n}",
        "not billocr-production's own",
    ),
    "a_reach_into_anothers_secret": (
        'resource "google_secret_manager_secret_iam_member" "a_reach_into_anothers_secret" {\n'
        '  secret_id = "billocr-development-database-password"\n  role = "roles/secretmanager.secretAccessor"\n'
        "  member = local.principals.external_secrets\n}",
        "not billocr-production's own",
    ),
    "a_reach_into_anothers_backups": (
        'resource "google_storage_managed_folder_iam_member" "a_reach_into_anothers_backups" {\n'
        '  bucket = var.platform.backups_bucket\n  managed_folder = "development/"\n'
        '  role = "roles/storage.objectViewer"\n  member = local.principals.backup\n}',
        "another instance's backups",
    ),
    "a_role_on_the_bucket_of_all_backups": (
        'resource "google_storage_bucket_iam_member" "a_role_on_the_bucket_of_all_backups" {\n'
        '  bucket = var.platform.backups_bucket\n  role = "roles/storage.objectViewer"\n'
        "  member = local.principals.backup\n}",
        "not billocr-production's own",
    ),
    "a_grant_to_a_cloud_account": (
        'resource "google_pubsub_subscription_iam_member" "a_grant_to_a_cloud_account" {\n'
        '  subscription = google_pubsub_subscription.uploads.name\n  role = "roles/pubsub.subscriber"\n'
        '  member = "serviceAccount:someone@acme-bills.iam.gserviceaccount.com"\n}',
        "grants serviceAccount:someone",
    ),
}


@pytest.fixture(scope="module")
def crossings(stack: dict[str, Root]) -> list[str]:
    text = "\n".join(text for text, _ in CROSSINGS.values())
    told = stack["platform"].outputs["platform"]
    with terraform(TERRAFORM / "instance", changes={"planted.tf": text}, platform=told) as real:
        return isolation(planned_resources(real.plan(examples("instance")[0])), "production", AGENTS)


@pytest.mark.parametrize("crossing", CROSSINGS)
def test_a_grant_across_instances_is_found(crossings: list[str], crossing: str) -> None:
    here = [text for text in crossings if f".{crossing}:" in text]
    assert any(CROSSINGS[crossing][1] in text for text in here), crossings


def test_a_restore_from_another_instance_is_seen_as_what_it_is(stack: dict[str, Root]) -> None:
    told = stack["platform"].outputs["platform"]
    with terraform(TERRAFORM / "instance", platform=told) as real:
        plan = real.plan('name = "staging"\nrestore_from = "production"')
    assert isolation(planned_resources(plan), "staging", AGENTS) == [
        "google_storage_managed_folder_iam_member.restore[0]: "
        "reaches the folder production/ of another instance's backups"
    ]


def test_a_plan_without_what_the_platform_hands_on_is_refused(offline: None) -> None:
    with terraform(TERRAFORM / "instance") as real, pytest.raises(Finding, match='variable "platform" is not set'):
        real.plan('name = "production"')


def _checkov(plans: dict[str, dict[str, Any]], folder: Path) -> list[str]:
    files = []
    for name, plan in plans.items():
        (folder / f"{name}.json").write_text(json.dumps(plan))
        files += ["-f", str(folder / f"{name}.json")]
    configuration = str(Path(__file__).with_name("checkov.yaml"))
    command = [str(CHECKOV), "--config-file", configuration, *files, "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=folder)
    report = json.loads(done.stdout)
    assert report["summary"]["passed"] > 0, "checkov has checked nothing"
    return [f"{check['check_id']} {check['resource']}" for check in report["results"]["failed_checks"]]


def test_checkov_finds_nothing_but_what_is_planted(stack: dict[str, Root], tmp_path: Path) -> None:
    if not CHECKOV.exists():
        pytest.skip(f"{CHECKOV} is not there: `make install-test`")
    planted = 'resource "google_storage_bucket" "planted" {\n  name = "x"\n  location = "EU"\n}'
    told = stack["platform"].outputs["platform"]
    with terraform(TERRAFORM / "instance", changes={"planted.tf": planted}, platform=told) as real:
        faulty = real.plan(examples("instance")[0])
    # One start of checkov for all: it takes longer than its checks.
    plans = {name: root.plan for name, root in stack.items() if name != "production"} | {"production": faulty}
    failed = _checkov(plans, tmp_path)
    assert {text for text in failed if not text.endswith(" google_storage_bucket.planted")} == set()
    assert "CKV_GCP_114 google_storage_bucket.planted" in failed, "public access prevention"


def test_every_check_that_is_skipped_has_its_reason() -> None:
    text = Path(__file__).with_name("checkov.yaml").read_text(encoding="utf-8")
    skipped = [line for line in text.splitlines() if line.startswith("  - CKV")]
    assert skipped
    assert [line for line in skipped if not re.search(r" # .{15,}", line)] == []
