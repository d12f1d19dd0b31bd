locals {
  labels = merge({ app = "billocr", managed-by = "terraform", root = "platform" }, var.bootstrap.labels)

  # Prefixed where names are global, so that two projects never meet.
  prefix = "${var.bootstrap.project_id}-billocr"

  # Workload Identity without Google service accounts: a Kubernetes service account is itself a member.
  principal_prefix = "principal://iam.googleapis.com/projects/${var.bootstrap.project_number}/locations/global/workloadIdentityPools/${var.bootstrap.project_id}.svc.id.goog/subject/"
}
