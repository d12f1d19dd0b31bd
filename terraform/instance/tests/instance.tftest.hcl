# `terraform test`, without an account: google is mocked, random is not.
mock_provider "google" {}

variables {
  name = "production"
  platform = {
    project_id     = "acme-bills"
    project_number = "123456789012"
    region         = "europe-west4"
    labels         = { cost-centre = "accounting" }
    domain         = "bills.example.org"
    cluster = {
      name             = "billocr"
      location         = "europe-west4"
      dns_endpoint     = "gke-0123.europe-west4.gke.goog"
      principal_prefix = "principal://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/acme-bills.svc.id.goog/subject/"
    }
    gateway               = { name = "billocr", namespace = "gateway", address = "203.0.113.7" }
    database              = { instance = "billocr", host = "10.40.0.3", port = 5432, ca_certificate = "-----BEGIN CERTIFICATE-----" }
    registries            = { docker = "d", python = "p", pypi = "q" }
    backups_bucket        = "acme-bills-billocr-backups"
    kms_keys              = {}
    deletion_protection   = true
    notification_channels = []
  }
}

run "everything_is_named_after_the_instance" {
  command = plan

  assert {
    condition     = google_storage_bucket.this.name == "acme-bills-billocr-production"
    error_message = "the bucket's name is global and must carry project and instance"
  }
  assert {
    condition     = alltrue([for topic in google_pubsub_topic.this : startswith(topic.name, "billocr-production-")])
    error_message = "topics carry the instance's name"
  }
  assert {
    condition     = google_sql_database.this["billocr"].name == "billocr_production" && google_sql_database.this["dagster"].name == "billocr_production_dagster"
    error_message = "two databases, named after the instance"
  }
}

run "a_file_in_the_inbox_reaches_the_listener_and_a_bad_one_waits_for_a_person" {
  command = plan

  assert {
    condition     = google_storage_notification.uploads.object_name_prefix == "inbox/" && contains(google_storage_notification.uploads.event_types, "OBJECT_FINALIZE")
    error_message = "only finished objects in inbox/ are told"
  }
  assert {
    condition     = google_pubsub_subscription.uploads.dead_letter_policy[0].max_delivery_attempts == 10
    error_message = "after ten tries a message goes to the dead letters"
  }
  assert {
    condition     = alltrue([for subscription in [google_pubsub_subscription.uploads, google_pubsub_subscription.dead] : subscription.expiration_policy[0].ttl == ""])
    error_message = "a subscription never expires"
  }
}

run "what_was_deleted_can_be_brought_back" {
  command = plan

  assert {
    condition     = google_storage_bucket.this.versioning[0].enabled && google_storage_bucket.this.soft_delete_policy[0].retention_duration_seconds == 1209600
    error_message = "older versions, and two weeks of soft deletion"
  }
  assert {
    condition     = !google_storage_bucket.this.force_destroy && alltrue([for secret in google_secret_manager_secret.this : secret.deletion_protection])
    error_message = "neither a full bucket nor a secret goes with a destroy"
  }
}

run "rotating_one_secret_leaves_the_other" {
  command = plan

  variables {
    secret_versions = { ui_cookie = 2 }
  }
  assert {
    condition     = google_secret_manager_secret_version.this["ui_cookie"].secret_data_wo_version == 2
    error_message = "the raised version is written"
  }
  assert {
    condition     = google_secret_manager_secret_version.this["database_password"].secret_data_wo_version == 1 && google_sql_user.this.password_wo_version == 1
    error_message = "the database's password stays"
  }
}

run "password_of_the_database_changes_in_both_places_at_once" {
  command = plan

  variables {
    secret_versions = { database_password = 3 }
  }
  assert {
    condition     = google_secret_manager_secret_version.this["database_password"].secret_data_wo_version == google_sql_user.this.password_wo_version
    error_message = "the secret and the database's user change together"
  }
}

run "keys_of_ones_own_reach_every_store" {
  command = plan

  variables {
    platform = merge(var.platform, { kms_keys = { storage = "k/storage", pubsub = "k/pubsub", secrets = "k/secrets" } })
  }
  assert {
    condition     = google_storage_bucket.this.encryption[0].default_kms_key_name == "k/storage"
    error_message = "the bucket uses the project's key"
  }
  assert {
    condition     = alltrue([for topic in google_pubsub_topic.this : topic.kms_key_name == "k/pubsub"])
    error_message = "topics use the project's key"
  }
  assert {
    condition     = alltrue([for secret in google_secret_manager_secret.this : secret.replication[0].user_managed[0].replicas[0].customer_managed_encryption[0].kms_key_name == "k/secrets"])
    error_message = "secrets use the project's key"
  }
}

run "restoring_opens_one_folder_of_backups_and_the_own_bucket" {
  command = plan

  variables {
    name         = "staging"
    restore_from = "production"
  }
  assert {
    condition     = google_storage_managed_folder_iam_member.restore[0].managed_folder == "production/" && google_storage_managed_folder_iam_member.restore[0].role == "roles/storage.objectViewer"
    error_message = "the backups of the named instance can be read, not changed"
  }
  assert {
    condition     = google_storage_bucket_iam_member.backup.role == "roles/storage.objectUser"
    error_message = "the job may write into the bucket that it restores"
  }
}

run "without_a_restore_the_backup_job_writes_to_its_own_folder_alone" {
  command = plan

  assert {
    condition     = length(google_storage_managed_folder_iam_member.restore) == 0 && google_storage_bucket_iam_member.backup.role == "roles/storage.objectViewer"
    error_message = "no right is left over from a restore"
  }
}

run "dagster_is_opened_to_the_named_people_at_its_own_host" {
  command = plan

  variables {
    dagster_users = ["group:bill-ocr-ops@example.org"]
  }
  assert {
    condition     = one(google_iap_web_iam_member.dagster["group:bill-ocr-ops@example.org"].condition).expression == "request.host == 'production-dagster.bills.example.org'"
    error_message = "a person let into one instance's Dagster is not in another's"
  }
}

run "a_sleeping_instance_is_not_watched" {
  command = plan

  variables {
    uptime_check = false
  }
  assert {
    condition     = length(google_monitoring_uptime_check_config.this) == 0
    error_message = "no check, no alert"
  }
}

run "names_that_do_not_fit_a_host_are_refused" {
  command = plan

  variables {
    name = "Production_1"
  }
  expect_failures = [var.name]
}

run "a_name_that_hides_another_instances_dagster_is_refused" {
  command = plan

  variables {
    name = "production-dagster"
  }
  expect_failures = [var.name]
}

run "a_name_whose_bucket_is_that_of_the_backups_is_refused" {
  command = plan

  variables {
    name = "backups"
  }
  expect_failures = [var.name]
}

run "everyone_is_no_dagster_user" {
  command = plan

  variables {
    dagster_users = ["allUsers"]
  }
  expect_failures = [var.dagster_users]
}

run "a_version_of_a_secret_is_a_whole_number" {
  command = plan

  variables {
    secret_versions = { ui_cookie = 1.5 }
  }
  expect_failures = [var.secret_versions]
}

run "older_versions_cannot_be_given_up" {
  command = plan

  variables {
    bucket = { noncurrent_days = 0 }
  }
  expect_failures = [var.bucket]
}

run "soft_deletion_keeps_to_the_bounds_of_cloud_storage" {
  command = plan

  variables {
    bucket = { soft_delete_days = 3 }
  }
  expect_failures = [var.bucket]
}

run "restore_from_is_an_instance" {
  command = plan

  variables {
    restore_from = "gs://somewhere"
  }
  expect_failures = [var.restore_from]
}
