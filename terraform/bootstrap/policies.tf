# What these roots keep to anyhow, made a rule of the project. Most organisations set these above the project.

locals {
  org_policies = var.org_policies ? toset([
    "compute.requireOsLogin",
    "compute.skipDefaultNetworkCreation",
    "iam.disableServiceAccountKeyCreation",
    "iam.disableServiceAccountKeyUpload",
    "sql.restrictPublicIp",
    "storage.publicAccessPrevention",
    "storage.uniformBucketLevelAccess",
  ]) : toset([])
}

resource "google_org_policy_policy" "this" {
  for_each = local.org_policies

  name   = "projects/${var.project_id}/policies/${each.value}"
  parent = "projects/${var.project_id}"

  spec {
    rules {
      enforce = "TRUE"
    }
  }

  depends_on = [google_project_service.this]
}
