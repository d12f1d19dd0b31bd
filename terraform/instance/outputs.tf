# What deploy/ reads, together with the platform's output; ../contract.schema.json describes both. Names, never values.
output "instance" {
  description = "Everything of this instance that its Helm release is told."
  value = {
    name         = var.name
    namespace    = local.name
    project_id   = var.platform.project_id
    host         = local.host
    dagster_host = local.dagster_host
    bucket       = google_storage_bucket.this.name
    backups      = "gs://${var.platform.backups_bucket}/${google_storage_managed_folder.backups.name}"
    subscription = google_pubsub_subscription.uploads.name
    database = {
      host           = var.platform.database.host
      port           = var.platform.database.port
      name           = google_sql_database.this["billocr"].name
      dagster_name   = google_sql_database.this["dagster"].name
      user           = google_sql_user.this.name
      ca_certificate = var.platform.database.ca_certificate
    }
    secrets          = { for key, secret in google_secret_manager_secret.this : key => secret.secret_id }
    service_accounts = local.service_accounts
  }
}
