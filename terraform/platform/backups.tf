# Backups of all instances, one folder each; an instance's backup job can add here and read its own folder alone.
resource "google_storage_bucket" "backups" {
  name                        = "${local.prefix}-backups"
  location                    = var.backups.location
  storage_class               = "NEARLINE"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  # Nothing can be deleted or written over before its time, not by us either: so versioning would add nothing, and a
  # bucket that locks objects may not have it.
  retention_policy {
    retention_period = tostring(var.backups.locked_days * 24 * 3600)
  }
  soft_delete_policy {
    retention_duration_seconds = 604800
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age = var.backups.delete_after_days
    }
  }
  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 7
    }
  }

  dynamic "encryption" {
    for_each = local.kms_keys.backups[*]

    content {
      default_kms_key_name = encryption.value
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.this]
}
