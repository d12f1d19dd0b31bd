resource "google_compute_network" "this" {
  name                    = "billocr"
  auto_create_subnetworks = false
  routing_mode            = "REGIONAL"
}

resource "google_compute_subnetwork" "nodes" {
  name                     = "billocr-nodes"
  network                  = google_compute_network.this.id
  ip_cidr_range            = var.network.nodes
  private_ip_google_access = true

  secondary_ip_range {
    range_name    = "pods"
    ip_cidr_range = var.network.pods
  }
  secondary_ip_range {
    range_name    = "services"
    ip_cidr_range = var.network.services
  }

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.1
    metadata             = "INCLUDE_ALL_METADATA"
  }
}

# Nodes have no public address; this is their way out to Let's Encrypt, an OIDC provider and two image registries.
resource "google_compute_router" "this" {
  name    = "billocr"
  network = google_compute_network.this.id
}

resource "google_compute_router_nat" "this" {
  name                               = "billocr"
  router                             = google_compute_router.this.name
  nat_ip_allocate_option             = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat = "ALL_SUBNETWORKS_ALL_IP_RANGES"

  log_config {
    enable = true
    filter = "ERRORS_ONLY"
  }
}

# Cloud SQL lives in a network of Google's that is peered with ours; this is its range there.
resource "google_compute_global_address" "database" {
  name          = "billocr-database"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
  network       = google_compute_network.this.id
}

resource "google_service_networking_connection" "database" {
  network                 = google_compute_network.this.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.database.name]
  # Google refuses to delete the connection for days after the last database is gone.
  deletion_policy = "ABANDON"
}

# The Gateway in cluster/gateway.yaml names both.
resource "google_compute_global_address" "gateway" {
  name = "billocr-gateway"
}

resource "google_compute_ssl_policy" "this" {
  name            = "billocr"
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"
}
