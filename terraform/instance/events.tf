# What is dropped into the bucket's inbox/ becomes a bill: Cloud Storage tells a topic, the listener reads its
# subscription; what cannot be registered after ten tries waits in `dead` for a person.

locals {
  storage_agent = "serviceAccount:service-${var.platform.project_number}@gs-project-accounts.iam.gserviceaccount.com"
  pubsub_agent  = "serviceAccount:service-${var.platform.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

resource "google_pubsub_topic" "this" {
  for_each = toset(["uploads", "dead"])

  name                       = "${local.name}-${each.key}"
  kms_key_name               = var.platform.kms_keys.pubsub
  message_retention_duration = "604800s"

  # Messages name files that people uploaded: they stay where the bills are.
  message_storage_policy {
    allowed_persistence_regions = [var.platform.region]
  }
}

resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = { uploads = local.storage_agent, dead = local.pubsub_agent }

  topic  = google_pubsub_topic.this[each.key].id
  role   = "roles/pubsub.publisher"
  member = each.value
}

resource "google_storage_notification" "uploads" {
  bucket             = google_storage_bucket.this.name
  topic              = google_pubsub_topic.this["uploads"].id
  payload_format     = "JSON_API_V1"
  event_types        = ["OBJECT_FINALIZE"]
  object_name_prefix = "inbox/"

  depends_on = [google_pubsub_topic_iam_member.publisher]
}

resource "google_pubsub_subscription" "uploads" {
  name                         = "${local.name}-uploads"
  topic                        = google_pubsub_topic.this["uploads"].id
  ack_deadline_seconds         = 60
  message_retention_duration   = "604800s"
  enable_exactly_once_delivery = true

  # Never expires: an instance without uploads for a month is a quiet one, not a dead one.
  expiration_policy {
    ttl = ""
  }
  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }
  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.this["dead"].id
    max_delivery_attempts = 10
  }
}

resource "google_pubsub_subscription" "dead" {
  name                       = "${local.name}-dead"
  topic                      = google_pubsub_topic.this["dead"].id
  message_retention_duration = "2678400s"

  expiration_policy {
    ttl = ""
  }
}

# Pub/Sub acknowledges in our name what it moves to `dead`.
resource "google_pubsub_subscription_iam_member" "uploads" {
  for_each = { listener = local.principals.listener, pubsub = local.pubsub_agent }

  subscription = google_pubsub_subscription.uploads.id
  role         = "roles/pubsub.subscriber"
  member       = each.value
}
