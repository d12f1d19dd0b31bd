output "bootstrap" {
  description = "What the platform root takes as its variable of the same name."
  value = {
    project_id     = var.project_id
    project_number = data.google_project.this.number
    region         = var.region
    labels         = var.labels
    accounts       = merge({ for name, account in google_service_account.ci : name => account.email }, { nodes = google_service_account.nodes.email })
    roles          = { for name, role in google_project_iam_custom_role.this : name => role.id }
  }
}

output "gitlab" {
  description = "CI/CD variables for GitLab: the identity provider that jobs exchange their token at, its audience, and the accounts that they become."
  value = {
    GCP_PROJECT_ID                 = var.project_id
    GCP_WORKLOAD_IDENTITY_PROVIDER = google_iam_workload_identity_pool_provider.gitlab.name
    GCP_TOKEN_AUDIENCE             = local.audience
    GCP_SERVICE_ACCOUNTS           = { for name, account in google_service_account.ci : name => account.email }
  }
}
