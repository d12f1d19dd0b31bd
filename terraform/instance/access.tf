# Dagster has no login: Google's Identity-Aware Proxy asks for one, and lets these people in at this host alone.
resource "google_iap_web_iam_member" "dagster" {
  for_each = var.dagster_users

  project = var.platform.project_id
  role    = "roles/iap.httpsResourceAccessor"
  member  = each.key

  condition {
    title      = "dagster-of-${var.name}"
    expression = "request.host == '${local.dagster_host}'"
  }
}
