# Who read and changed what. Admin activity is always on and kept for 400 days by Google; this adds reads of secrets,
# keys and identities, and keeps them as long.

locals {
  audited = merge(
    {
      "cloudkms.googleapis.com"       = ["ADMIN_READ", "DATA_READ", "DATA_WRITE"]
      "iam.googleapis.com"            = ["ADMIN_READ", "DATA_READ", "DATA_WRITE"]
      "secretmanager.googleapis.com"  = ["ADMIN_READ", "DATA_READ", "DATA_WRITE"]
      "sts.googleapis.com"            = ["ADMIN_READ", "DATA_READ", "DATA_WRITE"]
      "cloudsql.googleapis.com"       = ["ADMIN_READ", "DATA_WRITE"]
      "iamcredentials.googleapis.com" = ["ADMIN_READ", "DATA_READ", "DATA_WRITE"]
    },
    var.audit.object_reads ? { "storage.googleapis.com" = ["ADMIN_READ", "DATA_READ", "DATA_WRITE"] } : {},
  )
}

resource "google_project_iam_audit_config" "this" {
  for_each = local.audited

  project = var.project_id
  service = each.key

  dynamic "audit_log_config" {
    for_each = each.value

    content {
      log_type = audit_log_config.value
    }
  }
}

resource "google_logging_project_bucket_config" "audit" {
  project        = var.project_id
  location       = var.region
  bucket_id      = "billocr-audit"
  description    = "Data-access audit logs"
  retention_days = var.audit.retention_days

  depends_on = [google_project_service.this]
}

resource "google_logging_project_sink" "audit" {
  name                   = "billocr-audit"
  description            = "Data-access audit logs to their own bucket"
  destination            = "logging.googleapis.com/${google_logging_project_bucket_config.audit.id}"
  filter                 = "log_id(\"cloudaudit.googleapis.com/data_access\")"
  unique_writer_identity = true
}
