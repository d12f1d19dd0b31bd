# Keys of our own, where wished. A service uses a key through its service agent, which must exist: bootstrap's README
# makes those that Google makes only at first use.

locals {
  number = var.bootstrap.project_number
  agents = {
    artifactregistry = "service-${local.number}@gcp-sa-artifactregistry.iam.gserviceaccount.com"
    compute          = "service-${local.number}@compute-system.iam.gserviceaccount.com"
    container        = "service-${local.number}@container-engine-robot.iam.gserviceaccount.com"
    pubsub           = "service-${local.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
    secretmanager    = "service-${local.number}@gcp-sa-secretmanager.iam.gserviceaccount.com"
    sqladmin         = "service-${local.number}@gcp-sa-cloud-sql.iam.gserviceaccount.com"
    storage          = "service-${local.number}@gs-project-accounts.iam.gserviceaccount.com"
  }

  # One key a purpose, so that one can be turned off without the others.
  keys = var.cmek ? {
    backups    = { ring = "backups", agent = "storage" }
    cluster    = { ring = "region", agent = "container" }
    disks      = { ring = "region", agent = "compute" }
    pubsub     = { ring = "region", agent = "pubsub" }
    registries = { ring = "region", agent = "artifactregistry" }
    secrets    = { ring = "region", agent = "secretmanager" }
    sql        = { ring = "region", agent = "sqladmin" }
    storage    = { ring = "region", agent = "storage" }
  } : {}

  kms_keys = {
    for name in ["backups", "cluster", "disks", "pubsub", "registries", "secrets", "sql", "storage"] :
    name => one([for key, value in google_kms_crypto_key.this : value.id if key == name])
  }
}

resource "google_kms_key_ring" "this" {
  for_each = var.cmek ? { region = var.bootstrap.region, backups = var.backups.kms_location } : {}

  name     = "billocr-${each.key}"
  location = each.value
}

resource "google_kms_crypto_key" "this" {
  for_each = local.keys

  name            = each.key
  key_ring        = google_kms_key_ring.this[each.value.ring].id
  rotation_period = "7776000s"

  # What was written with a key is lost with it.
  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key_iam_member" "this" {
  for_each = local.keys

  crypto_key_id = google_kms_crypto_key.this[each.key].id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:${local.agents[each.value.agent]}"
}
