# `terraform test` needs no credentials: the provider is mocked.
mock_provider "google" {}

variables {
  bootstrap = {
    project_id     = "acme-bills"
    project_number = "123456789012"
    region         = "europe-west4"
    labels         = {}
    accounts = {
      build  = "billocr-ci-build@acme-bills.iam.gserviceaccount.com"
      plan   = "billocr-ci-plan@acme-bills.iam.gserviceaccount.com"
      apply  = "billocr-ci-apply@acme-bills.iam.gserviceaccount.com"
      deploy = "billocr-ci-deploy@acme-bills.iam.gserviceaccount.com"
      nodes  = "billocr-nodes@acme-bills.iam.gserviceaccount.com"
    }
    roles = {
      plan       = "projects/acme-bills/roles/billocr_plan"
      apply      = "projects/acme-bills/roles/billocr_apply"
      deploy     = "projects/acme-bills/roles/billocr_deploy"
      dns_solver = "projects/acme-bills/roles/billocr_dns_solver"
    }
  }
  domain    = "bills.example.org"
  ops_email = "ops@example.org"
}

run "nothing_idle_is_paid_for" {
  command = plan

  assert {
    condition     = alltrue([for name in ["ocr", "gpu"] : google_container_node_pool.this[name].autoscaling[0].total_min_node_count == 0])
    error_message = "the pools for OCR and GPU must go down to no node"
  }
  assert {
    condition     = alltrue([for name in ["ocr", "gpu"] : google_container_node_pool.this[name].node_config[0].taint[0].key == "billocr.io/pool"])
    error_message = "other pods could keep an OCR or GPU node alive"
  }
  assert {
    condition     = length(google_container_node_pool.this["system"].node_config[0].taint) == 0
    error_message = "pods without a toleration find no node"
  }
  assert {
    condition     = length(google_kms_crypto_key.this) == 0 && length(google_billing_budget.this) == 0
    error_message = "keys or a budget were made that nobody asked for"
  }
}

run "the_gpu_pool_can_be_left_out" {
  command = plan
  variables {
    cluster = { gpu = { max_nodes = 0 } }
  }
  assert {
    condition     = toset(keys(google_container_node_pool.this)) == toset(["system", "ocr"])
    error_message = "a GPU pool is made all the same"
  }
}

run "every_key_is_usable_by_its_service_before_it_is_used" {
  command = plan
  variables {
    cmek = true
  }
  assert {
    condition     = keys(google_kms_crypto_key.this) == keys(google_kms_crypto_key_iam_member.this)
    error_message = "a key has no grant"
  }
  assert {
    condition     = google_kms_key_ring.this["backups"].location == "europe" && google_kms_key_ring.this["region"].location == "europe-west4"
    error_message = "a key lies elsewhere than what it encrypts"
  }
}

run "alerts_say_what_to_do" {
  command = plan
  variables {
    runbooks_url = "https://gitlab.example.org/bill-ocr/-/blob/main/terraform/runbooks.md"
  }
  assert {
    condition     = google_monitoring_alert_policy.threshold["dead_letters"].documentation[0].content == "What to do: https://gitlab.example.org/bill-ocr/-/blob/main/terraform/runbooks.md#dead-letters"
    error_message = "the alert on dead letters does not link to its runbook"
  }
  assert {
    condition = alltrue([
      for name in concat(keys(local.alerts), keys(local.prometheus_alerts), ["rights"]) :
      strcontains(file("../runbooks.md"), "\n## ${replace(name, "_", "-")}\n")
    ])
    error_message = "an alert has no section in runbooks.md"
  }
}

run "the_dashboard_shows_every_figure_once" {
  command = plan

  assert {
    condition     = alltrue([for name in keys(local.log_metrics) : strcontains(google_monitoring_dashboard.this.dashboard_json, "user/billocr/${name}\\\"")])
    error_message = "a figure of the product has no tile"
  }
  assert {
    condition     = length(distinct([for tile in local.tiles : "${try(tile.xPos, 0)} ${try(tile.yPos, 0)}"])) == length(local.tiles)
    error_message = "one tile lies on another"
  }
}

run "certificates_can_be_tried_with_the_staging_service" {
  command = plan
  variables {
    certificates = "staging"
  }
  assert {
    condition     = strcontains(output.cluster_manifests, "name: letsencrypt-staging\n---")
    error_message = "the certificate is not asked of the staging service"
  }
}

run "backups_in_the_same_region_are_refused" {
  command = plan
  variables {
    backups = { location = "EUROPE-WEST4" }
  }
  expect_failures = [var.backups]
}

run "zones_of_another_region_are_refused" {
  command = plan
  variables {
    cluster = { zones = ["europe-west1-b", "europe-west1-c"] }
  }
  expect_failures = [var.cluster]
}

run "a_pool_that_cannot_grow_is_refused" {
  command = plan
  variables {
    cluster = { ocr = { max_nodes = 0 } }
  }
  expect_failures = [var.cluster]
}

run "a_maintenance_window_over_midnight_is_refused" {
  command = plan
  variables {
    maintenance = { start = "22:00", end = "04:00" }
  }
  expect_failures = [var.maintenance]
}

run "a_budget_without_its_account_is_refused" {
  command = plan
  variables {
    budget = { billing_account = "my-account", amount = 500 }
  }
  expect_failures = [var.budget]
}

run "a_domain_with_a_dot_at_its_end_is_refused" {
  command = plan
  variables {
    domain = "bills.example.org."
  }
  expect_failures = [var.domain]
}
