# Images: a tag is written once; untagged and old ones go, the last 20 stay.
resource "google_artifact_registry_repository" "docker" {
  location      = var.bootstrap.region
  repository_id = "billocr"
  description   = "Images of Bill OCR"
  format        = "DOCKER"
  kms_key_name  = local.kms_keys.registries

  docker_config {
    immutable_tags = true
  }
  vulnerability_scanning_config {
    enablement_config = "INHERITED"
  }

  cleanup_policy_dry_run = false
  cleanup_policies {
    id     = "keep-latest"
    action = "KEEP"
    most_recent_versions {
      keep_count = 20
    }
  }
  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      tag_state  = "ANY"
      older_than = "7776000s"
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.this]
}

resource "google_artifact_registry_repository" "python" {
  location      = var.bootstrap.region
  repository_id = "billocr-python"
  description   = "Wheels of Bill OCR"
  format        = "PYTHON"
  kms_key_name  = local.kms_keys.registries

  depends_on = [google_kms_crypto_key_iam_member.this]
}

# Image builds read PyPI through this: what was once used stays obtainable, and is scanned.
resource "google_artifact_registry_repository" "pypi" {
  location      = var.bootstrap.region
  repository_id = "billocr-pypi"
  description   = "Cache of PyPI"
  format        = "PYTHON"
  mode          = "REMOTE_REPOSITORY"
  kms_key_name  = local.kms_keys.registries

  remote_repository_config {
    description = "PyPI"
    python_repository {
      public_repository = "PYPI"
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.this]
}

resource "google_artifact_registry_repository_iam_member" "this" {
  for_each = {
    "docker nodes" = { repository = google_artifact_registry_repository.docker.name, role = "reader", account = "nodes" }
    "docker build" = { repository = google_artifact_registry_repository.docker.name, role = "writer", account = "build" }
    "python build" = { repository = google_artifact_registry_repository.python.name, role = "writer", account = "build" }
    "pypi build"   = { repository = google_artifact_registry_repository.pypi.name, role = "reader", account = "build" }
  }

  location   = var.bootstrap.region
  repository = each.value.repository
  role       = "roles/artifactregistry.${each.value.role}"
  member     = "serviceAccount:${var.bootstrap.accounts[each.value.account]}"
}

# The cluster starts only images that were built here, and those of the two controllers in cluster/.
resource "google_binary_authorization_policy" "this" {
  description                   = "Images of Bill OCR and of the cluster's controllers"
  global_policy_evaluation_mode = "ENABLE"

  default_admission_rule {
    evaluation_mode  = "ALWAYS_DENY"
    enforcement_mode = "ENFORCED_BLOCK_AND_AUDIT_LOG"
  }

  dynamic "admission_whitelist_patterns" {
    for_each = [
      "${var.bootstrap.region}-docker.pkg.dev/${var.bootstrap.project_id}/${google_artifact_registry_repository.docker.repository_id}/**",
      "quay.io/jetstack/**",
      "ghcr.io/external-secrets/**",
    ]

    content {
      name_pattern = admission_whitelist_patterns.value
    }
  }
}
