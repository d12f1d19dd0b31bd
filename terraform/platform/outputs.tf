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

output "cluster" {
  description = "What terraform/platform/cluster puts into its manifests."
  value = {
    PROJECT_ID      = var.bootstrap.project_id
    DOMAIN          = var.domain
    DNS_ZONE        = google_dns_managed_zone.this.name
    GATEWAY_ADDRESS = google_compute_global_address.gateway.name
    SSL_POLICY      = google_compute_ssl_policy.this.name
    OPS_EMAIL       = var.ops_email
    DEPLOY_ACCOUNT  = var.bootstrap.accounts.deploy
  }
}

output "name_servers" {
  description = "The zone's name servers: enter them as NS records at the parent domain."
  value       = google_dns_managed_zone.this.name_servers
}
