# What a person with the role Owner applies once, and again when this file changes. Everything that decides who may do
# what in the project is here and nowhere else, so that no pipeline can widen its own rights.

locals {
  labels = merge({ app = "billocr", managed-by = "terraform", root = "bootstrap" }, var.labels)

  services = toset([
    "artifactregistry", "billingbudgets", "binaryauthorization", "cloudkms", "cloudresourcemanager", "compute",
    "container", "containerscanning", "dns", "iam", "iamcredentials", "iap", "logging", "monitoring", "networkservices",
    "orgpolicy", "pubsub", "secretmanager", "servicenetworking", "serviceusage", "sqladmin", "storage", "sts",
  ])
}

data "google_project" "this" {
  project_id = var.project_id
}

resource "google_project_service" "this" {
  for_each = local.services

  service            = "${each.value}.googleapis.com"
  disable_on_destroy = false
}

# Nodes. The account is made here and not in the platform root, which so needs no right to grant roles on the project.
resource "google_service_account" "nodes" {
  account_id   = "billocr-nodes"
  display_name = "Bill OCR: nodes of the cluster"

  depends_on = [google_project_service.this]
}

resource "google_project_iam_member" "nodes" {
  project = var.project_id
  role    = "roles/container.defaultNodeServiceAccount"
  member  = google_service_account.nodes.member
}

resource "google_service_account_iam_member" "apply_uses_nodes" {
  service_account_id = google_service_account.nodes.id
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.ci["apply"].member
}

# People
resource "google_project_iam_member" "operators" {
  for_each = {
    for pair in setproduct(var.operators, ["roles/container.admin", "roles/logging.viewer", "roles/monitoring.editor"]) :
    "${pair[0]} ${pair[1]}" => { member = pair[0], role = pair[1] }
  }

  project = var.project_id
  role    = each.value.role
  member  = each.value.member
}
