# What instances and deploy/ read. No secret is among it: the state of this root holds none.
output "platform" {
  description = "What the instance root takes as its variable of the same name, and deploy/ reads."
  value = {
    project_id     = var.bootstrap.project_id
    project_number = var.bootstrap.project_number
    region         = var.bootstrap.region
    labels         = var.bootstrap.labels
    domain         = var.domain

    cluster = {
      name         = google_container_cluster.this.name
      location     = google_container_cluster.this.location
      dns_endpoint = google_container_cluster.this.control_plane_endpoints_config[0].dns_endpoint_config[0].endpoint
      # Followed by ns/<namespace>/sa/<Kubernetes service account>: an IAM member.
      principal_prefix = local.principal_prefix
    }
    gateway = {
      name      = "billocr"
      namespace = "gateway"
      address   = google_compute_global_address.gateway.address
    }
    database = {
      instance       = google_sql_database_instance.this.name
      host           = google_sql_database_instance.this.private_ip_address
      port           = 5432
      ca_certificate = google_sql_database_instance.this.server_ca_cert[0].cert
    }
    registries = {
      docker = "${var.bootstrap.region}-docker.pkg.dev/${var.bootstrap.project_id}/${google_artifact_registry_repository.docker.repository_id}"
      python = "https://${var.bootstrap.region}-python.pkg.dev/${var.bootstrap.project_id}/${google_artifact_registry_repository.python.repository_id}"
      pypi   = "https://${var.bootstrap.region}-python.pkg.dev/${var.bootstrap.project_id}/${google_artifact_registry_repository.pypi.repository_id}"
    }
    backups_bucket      = google_storage_bucket.backups.name
    deletion_protection = var.deletion_protection
    # Key names, or null without CMEK. Their service agents already hold encrypterDecrypter.
    kms_keys = {
      storage = local.kms_keys.storage
      pubsub  = local.kms_keys.pubsub
      secrets = local.kms_keys.secrets
    }
    notification_channels = [google_monitoring_notification_channel.ops.name]
  }
}

output "cluster_manifests" {
  description = "Issuers, certificate, Gateway and CI's rights in the cluster, ready for kubectl apply; cluster/README.md."
  value = join("\n---\n", [
    for name in ["gateway", "certificates", "deployer"] :
    trimspace(templatefile("${path.module}/cluster/manifests/${name}.yaml", {
      dns_zone        = google_dns_managed_zone.this.name
      domain          = var.domain
      gateway_address = google_compute_global_address.gateway.name
      issuer          = "letsencrypt-${var.certificates}"
      ops_email       = var.ops_email
      project_id      = var.bootstrap.project_id
      ssl_policy      = google_compute_ssl_policy.this.name
    }))
  ])
}

output "name_servers" {
  description = "The zone's name servers: enter them as NS records at the parent domain."
  value       = google_dns_managed_zone.this.name_servers
}
