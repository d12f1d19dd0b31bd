# One server; each instance has a database and a user of its own in it, made by the instance root.
resource "google_sql_database_instance" "this" {
  # A name cannot be used again for a week after its server was deleted: a restored server is billocr-2.
  name                = "billocr"
  region              = var.bootstrap.region
  database_version    = "POSTGRES_17"
  deletion_protection = var.deletion_protection
  encryption_key_name = local.kms_keys.sql

  settings {
    tier                        = var.database.tier
    edition                     = "ENTERPRISE"
    availability_type           = var.database.high_availability ? "REGIONAL" : "ZONAL"
    disk_type                   = "PD_SSD"
    disk_size                   = var.database.disk_gb
    disk_autoresize             = true
    disk_autoresize_limit       = var.database.disk_limit_gb
    deletion_protection_enabled = var.deletion_protection
    user_labels                 = local.labels

    ip_configuration {
      ipv4_enabled                                  = false
      private_network                               = google_compute_network.this.id
      enable_private_path_for_google_cloud_services = true
      ssl_mode                                      = "ENCRYPTED_ONLY"
    }

    backup_configuration {
      enabled                        = true
      start_time                     = "01:00"
      location                       = var.database.backup_location
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = 7

      backup_retention_settings {
        retained_backups = var.database.backups_kept
        retention_unit   = "COUNT"
      }
    }

    maintenance_window {
      day          = var.maintenance.database_day
      hour         = var.maintenance.database_hour
      update_track = "stable"
    }

    insights_config {
      query_insights_enabled  = true
      query_string_length     = 1024
      record_application_tags = true
      record_client_address   = false
    }

    dynamic "database_flags" {
      for_each = {
        "log_checkpoints"    = "on"
        "log_connections"    = "on"
        "log_disconnections" = "on"
        "log_lock_waits"     = "on"
        # Statements carry people's bills: slow ones are found by Query Insights, which leaves the values out.
        "log_min_duration_statement" = "-1"
        "log_temp_files"             = "0"
      }

      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }
  }

  lifecycle {
    # The disk grows by itself; Terraform must not try to shrink it.
    ignore_changes = [settings[0].disk_size]
  }

  depends_on = [google_service_networking_connection.database, google_kms_crypto_key_iam_member.this]
}
