# Uploads, pictures and stage results. Stage results can be made again, uploads cannot.
resource "google_storage_bucket" "this" {
  name                        = local.bucket
  location                    = var.platform.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  # Old bills grow cheap by themselves; a backfill that reads them again pays no retrieval, as it would after a rule
  # that moves objects by age.
  autoclass {
    enabled = true
  }

  versioning {
    enabled = true
  }
  soft_delete_policy {
    retention_duration_seconds = var.bucket.soft_delete_days * 24 * 3600
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = var.bucket.noncurrent_days
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
    for_each = var.platform.kms_keys.storage[*]

    content {
      default_kms_key_name = encryption.value
    }
  }
}

resource "google_storage_bucket_iam_member" "objects" {
  for_each = toset(["run", "dagster", "ui"])

  bucket = google_storage_bucket.this.name
  role   = "roles/storage.objectUser"
  member = local.principals[each.key]
}

# The listener takes what was dropped into inbox/ and files it under uploads/; results of the reading are not its own.
resource "google_storage_bucket_iam_member" "listener" {
  bucket = google_storage_bucket.this.name
  role   = "roles/storage.objectUser"
  member = local.principals.listener

  condition {
    title = "inbox-and-uploads"
    expression = join(" || ", [
      for folder in ["inbox", "uploads"] : "resource.name.startsWith('projects/_/buckets/${local.bucket}/objects/${folder}/')"
    ])
  }
}

resource "google_storage_bucket_iam_member" "backup" {
  bucket = google_storage_bucket.this.name
  role   = var.restore_from == null ? "roles/storage.objectViewer" : "roles/storage.objectUser"
  member = local.principals.backup
}

# This instance's folder in the bucket of backups. A managed folder has an IAM policy of its own: unlike under a
# condition on names, the job can also list it. Destroying it leaves the objects in it.
resource "google_storage_managed_folder" "backups" {
  bucket        = var.platform.backups_bucket
  name          = "${var.name}/"
  force_destroy = true
}

resource "google_storage_managed_folder_iam_member" "backups" {
  for_each = toset(["roles/storage.objectCreator", "roles/storage.objectViewer"])

  bucket         = var.platform.backups_bucket
  managed_folder = google_storage_managed_folder.backups.name
  role           = each.key
  member         = local.principals.backup
}

resource "google_storage_managed_folder_iam_member" "restore" {
  count = var.restore_from == null || var.restore_from == var.name ? 0 : 1

  bucket         = var.platform.backups_bucket
  managed_folder = "${var.restore_from}/"
  role           = "roles/storage.objectViewer"
  member         = local.principals.backup
}
