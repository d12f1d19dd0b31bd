locals {
  # Namespace, Helm release and beginning of every name within the project.
  name = "billocr-${var.name}"
  # Prefixed where names are global, so that two projects never meet.
  bucket = "${var.platform.project_id}-${local.name}"

  labels = merge({ app = "billocr", managed-by = "terraform", root = "instance", instance = var.name }, var.platform.labels)

  host         = "${var.name}.${var.platform.domain}"
  dagster_host = "${var.name}-dagster.${var.platform.domain}"

  # Kubernetes service accounts of the instance's namespace. Each is an IAM member by itself (Workload Identity), so
  # there is no Google service account and no key.
  service_accounts = {
    run              = "dagster-run" # runs and their steps
    dagster          = "dagster"     # webserver and daemon
    listener         = "billocr-listener"
    ui               = "billocr-ui"
    external_secrets = "external-secrets"
    backup           = "billocr-backup"
  }
  principals = {
    for key, account in local.service_accounts : key => "${var.platform.cluster.principal_prefix}ns/${local.name}/sa/${account}"
  }
}
