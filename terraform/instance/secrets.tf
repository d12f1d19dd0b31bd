# Random values that exist in Secret Manager (and the database) alone: ephemeral here, write-only there, so neither plan
# nor state ever holds one. Every run draws new values; they are written only where a version in `secret_versions` grew.
ephemeral "random_password" "this" {
  for_each = var.secret_versions

  length  = 32
  special = false
}

# The client secret of the OIDC provider comes from there; a person adds it (../README.md).
resource "google_secret_manager_secret" "this" {
  for_each = toset(["database_password", "oidc_client", "ui_cookie"])

  secret_id           = "${local.name}-${replace(each.key, "_", "-")}"
  deletion_protection = var.platform.deletion_protection

  replication {
    user_managed {
      replicas {
        location = var.platform.region

        dynamic "customer_managed_encryption" {
          for_each = var.platform.kms_keys.secrets[*]

          content {
            kms_key_name = customer_managed_encryption.value
          }
        }
      }
    }
  }
}

resource "google_secret_manager_secret_version" "this" {
  for_each = var.secret_versions

  secret                 = google_secret_manager_secret.this[each.key].id
  secret_data_wo         = ephemeral.random_password.this[each.key].result
  secret_data_wo_version = each.value

  # A rotation first adds the new one; the old one stays, disabled.
  deletion_policy = "DISABLE"
  lifecycle {
    create_before_destroy = true
  }
}

resource "google_secret_manager_secret_iam_member" "external_secrets" {
  for_each = google_secret_manager_secret.this

  secret_id = each.value.id
  role      = "roles/secretmanager.secretAccessor"
  member    = local.principals.external_secrets
}
