locals {
  zones = coalesce(var.cluster.zones, ["${var.bootstrap.region}-a", "${var.bootstrap.region}-b"])

  # system carries what must always answer; ocr and gpu come and go with the work, and nothing else may settle there.
  pools = {
    for name, pool in {
      system = merge(var.cluster.system, { spot = false, accelerator = null, tainted = false })
      ocr    = merge(var.cluster.ocr, { accelerator = null, tainted = true })
      gpu    = merge(var.cluster.gpu, { tainted = true })
    } : name => pool if pool.max_nodes > 0
  }

  # GKE reads the first day's times and repeats them by the rule; the date itself means nothing.
  maintenance_day = "2026-01-03"
}

# Standard, not Autopilot: spot and GPU pools, image streaming and the cost of a node stay in our hands.
resource "google_container_cluster" "this" {
  name                = "billocr"
  location            = var.bootstrap.region
  node_locations      = local.zones
  deletion_protection = var.deletion_protection

  network         = google_compute_network.this.id
  subnetwork      = google_compute_subnetwork.nodes.id
  networking_mode = "VPC_NATIVE"
  # Traffic between pods of one node shows in the flow logs too.
  enable_intranode_visibility = true
  datapath_provider           = "ADVANCED_DATAPATH" # NetworkPolicy is enforced

  ip_allocation_policy {
    cluster_secondary_range_name  = "pods"
    services_secondary_range_name = "services"
  }

  private_cluster_config {
    enable_private_nodes = true
  }

  # The API server has no address: it is reached by name through Google's front end, which asks IAM first.
  control_plane_endpoints_config {
    dns_endpoint_config {
      allow_external_traffic = true
    }
    ip_endpoints_config {
      enabled = false
    }
  }

  master_auth {
    client_certificate_config {
      issue_client_certificate = false
    }
  }

  workload_identity_config {
    workload_pool = "${var.bootstrap.project_id}.svc.id.goog"
  }

  # GKE insists on a first pool; it is made with our node account and removed at once.
  remove_default_node_pool = true
  initial_node_count       = 1
  enable_shielded_nodes    = true
  node_config {
    machine_type    = "e2-medium"
    service_account = var.bootstrap.accounts.nodes
    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }
    workload_metadata_config {
      mode = "GKE_METADATA"
    }
  }

  release_channel {
    channel = var.cluster.channel
  }
  maintenance_policy {
    recurring_window {
      start_time = "${local.maintenance_day}T${var.maintenance.start}:00Z"
      end_time   = "${local.maintenance_day}T${var.maintenance.end}:00Z"
      recurrence = "FREQ=WEEKLY;BYDAY=${join(",", var.maintenance.days)}"
    }
  }

  gateway_api_config {
    channel = "CHANNEL_STANDARD"
  }
  dns_config {
    cluster_dns       = "CLOUD_DNS"
    cluster_dns_scope = "CLUSTER_SCOPE"
  }

  addons_config {
    http_load_balancing {
      disabled = false
    }
    horizontal_pod_autoscaling {
      disabled = false
    }
    gce_persistent_disk_csi_driver_config {
      enabled = true
    }
    dns_cache_config {
      enabled = true
    }
  }

  security_posture_config {
    mode               = "BASIC"
    vulnerability_mode = "VULNERABILITY_BASIC"
  }
  binary_authorization {
    evaluation_mode = "PROJECT_SINGLETON_POLICY_ENFORCE"
  }
  dynamic "database_encryption" {
    for_each = local.kms_keys.cluster[*]

    content {
      state    = "ENCRYPTED"
      key_name = database_encryption.value
    }
  }

  logging_config {
    enable_components = ["SYSTEM_COMPONENTS", "WORKLOADS"]
  }
  monitoring_config {
    enable_components = ["SYSTEM_COMPONENTS", "POD", "DEPLOYMENT", "STATEFULSET", "STORAGE"]
    managed_prometheus {
      enabled = true
    }
  }
  cost_management_config {
    enabled = true
  }

  resource_labels = local.labels

  lifecycle {
    # Both describe the pool that is gone.
    ignore_changes = [node_config, initial_node_count]
  }

  depends_on = [google_kms_crypto_key_iam_member.this, google_binary_authorization_policy.this]
}

resource "google_container_node_pool" "this" {
  for_each = local.pools

  name           = each.key
  cluster        = google_container_cluster.this.id
  node_locations = local.zones

  autoscaling {
    total_min_node_count = each.value.min_nodes
    total_max_node_count = each.value.max_nodes
    # Spot capacity is taken where there is some.
    location_policy = each.value.spot ? "ANY" : "BALANCED"
  }
  management {
    auto_repair  = true
    auto_upgrade = true
  }
  upgrade_settings {
    max_surge       = 1
    max_unavailable = 0
  }
  network_config {
    enable_private_nodes = true
  }

  node_config {
    machine_type      = each.value.machine_type
    spot              = each.value.spot
    image_type        = "COS_CONTAINERD"
    disk_type         = "pd-balanced"
    disk_size_gb      = 100
    boot_disk_kms_key = local.kms_keys.disks
    service_account   = var.bootstrap.accounts.nodes
    oauth_scopes      = ["https://www.googleapis.com/auth/cloud-platform"]
    labels            = { "billocr.io/pool" = each.key }
    resource_labels   = merge(local.labels, { pool = each.key })
    metadata          = { disable-legacy-endpoints = "true" }

    # Images with onnxruntime or torch are large: start them before they are all there.
    gcfs_config {
      enabled = true
    }
    gvnic {
      enabled = true
    }
    kubelet_config {
      insecure_kubelet_readonly_port_enabled = "FALSE"
    }
    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }
    workload_metadata_config {
      mode = "GKE_METADATA"
    }

    dynamic "guest_accelerator" {
      for_each = each.value.accelerator[*]

      content {
        type  = guest_accelerator.value
        count = 1
        gpu_driver_installation_config {
          gpu_driver_version = "DEFAULT"
        }
      }
    }

    dynamic "taint" {
      for_each = each.value.tainted ? [each.key] : []

      content {
        key    = "billocr.io/pool"
        value  = taint.value
        effect = "NO_SCHEDULE"
      }
    }
  }

  lifecycle {
    ignore_changes = [initial_node_count]
  }
}
