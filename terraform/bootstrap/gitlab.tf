# GitLab's jobs exchange their OIDC token for one of four accounts; there is no key anywhere.

locals {
  # build and plan run for every merge request of the project or every protected ref, apply and deploy on the default
  # branch alone. A pipeline of a fork has another project_id, or no protected ref.
  ci_accounts = {
    build  = { title = "writes images and packages", trust = "attribute.ref_protected/true" }
    plan   = { title = "reads every resource, and no content", trust = "attribute.project_id/${var.gitlab.project_id}" }
    apply  = { title = "changes the platform and the instances", trust = "attribute.default_branch/true" }
    deploy = { title = "installs into the cluster", trust = "attribute.default_branch/true" }
  }

  audience = "https://iam.googleapis.com/${google_iam_workload_identity_pool.gitlab.name}/providers/gitlab"
}

resource "google_iam_workload_identity_pool" "gitlab" {
  workload_identity_pool_id = "gitlab"
  display_name              = "GitLab"
  description               = "Pipelines of ${var.gitlab.url}, project ${var.gitlab.project_id}"

  depends_on = [google_project_service.this]
}

resource "google_iam_workload_identity_pool_provider" "gitlab" {
  workload_identity_pool_id          = google_iam_workload_identity_pool.gitlab.workload_identity_pool_id
  workload_identity_pool_provider_id = "gitlab"
  display_name                       = "GitLab"

  # By number: a path can be given to another project after a rename.
  attribute_condition = "assertion.project_id == '${var.gitlab.project_id}'"
  attribute_mapping = {
    # GitLab's own subject ends in the branch's name and may be longer than the 127 bytes that Google takes.
    "google.subject"           = "'project:' + assertion.project_id + ':job:' + assertion.job_id"
    "attribute.project_id"     = "assertion.project_id"
    "attribute.ref_protected"  = "assertion.ref_protected"
    "attribute.default_branch" = "assertion.ref_protected == 'true' && assertion.ref_type == 'branch' && assertion.ref == '${var.gitlab.default_branch}' ? 'true' : 'false'"
  }

  oidc {
    issuer_uri        = var.gitlab.url
    allowed_audiences = [local.audience]
    jwks_json         = var.gitlab.jwks_json
  }
}

resource "google_service_account" "ci" {
  for_each = local.ci_accounts

  account_id   = "billocr-ci-${each.key}"
  display_name = "Bill OCR: CI ${each.key}"
  description  = "GitLab's pipeline ${each.value.title}"

  depends_on = [google_project_service.this]
}

resource "google_service_account_iam_member" "ci" {
  for_each = local.ci_accounts

  service_account_id = google_service_account.ci[each.key].id
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.gitlab.name}/${each.value.trust}"
}

resource "google_project_iam_member" "ci" {
  for_each = { for name in ["plan", "apply", "deploy"] : name => google_project_iam_custom_role.this[name].id }

  project = var.project_id
  role    = each.value
  member  = google_service_account.ci[each.key].member
}
