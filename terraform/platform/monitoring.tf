locals {
  log_metrics = yamldecode(file("${path.module}/log_metrics.yaml"))

  # Instances are found by their names, billocr-<name>: a new one is watched from its first minute.
  alerts = {
    uptime = {
      title     = "An instance does not answer"
      severity  = "CRITICAL"
      filter    = "metric.type = \"monitoring.googleapis.com/uptime_check/check_passed\" AND resource.type = \"uptime_url\""
      aligner   = "ALIGN_NEXT_OLDER"
      reducer   = "REDUCE_COUNT_FALSE"
      group_by  = ["resource.label.host"]
      threshold = 1
      duration  = 300
    }
    dead_letters = {
      title    = "Uploads were given up"
      severity = "ERROR"
      filter   = "metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\" AND resource.type = \"pubsub_subscription\" AND resource.label.subscription_id = monitoring.regex.full_match(\"billocr-.*-dead\")"
      aligner  = "ALIGN_MAX"
      duration = 0
    }
    backlog = {
      title     = "Uploads wait for more than an hour"
      severity  = "WARNING"
      filter    = "metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" AND resource.type = \"pubsub_subscription\" AND resource.label.subscription_id = monitoring.regex.full_match(\"billocr-.*-uploads\")"
      aligner   = "ALIGN_MAX"
      threshold = 3600
      duration  = 600
    }
    run_failures = {
      title    = "Runs fail"
      severity = "WARNING"
      filter   = "metric.type = \"${local.log_metric_types.run_failures}\" AND resource.type = \"k8s_container\""
      aligner  = "ALIGN_DELTA"
      period   = 600
      reducer  = "REDUCE_SUM"
      group_by = ["resource.label.namespace_name"]
      duration = 0
    }
    bills_failed = {
      title     = "Many bills cannot be read"
      severity  = "WARNING"
      filter    = "metric.type = \"${local.log_metric_types.bills_failed}\" AND resource.type = \"k8s_container\""
      aligner   = "ALIGN_DELTA"
      period    = 3600
      reducer   = "REDUCE_SUM"
      group_by  = ["resource.label.namespace_name"]
      threshold = 20
      duration  = 0
    }
    database_down = {
      title      = "The database is down"
      severity   = "CRITICAL"
      filter     = "metric.type = \"cloudsql.googleapis.com/database/up\" AND resource.type = \"cloudsql_database\""
      aligner    = "ALIGN_MAX"
      comparison = "COMPARISON_LT"
      threshold  = 1
      duration   = 300
    }
    database_disk = {
      title     = "The database's disk is nearly full"
      severity  = "ERROR"
      filter    = "metric.type = \"cloudsql.googleapis.com/database/disk/utilization\" AND resource.type = \"cloudsql_database\""
      aligner   = "ALIGN_MEAN"
      threshold = 0.9
      duration  = 600
    }
    database_cpu = {
      title     = "The database is busy"
      severity  = "WARNING"
      filter    = "metric.type = \"cloudsql.googleapis.com/database/cpu/utilization\" AND resource.type = \"cloudsql_database\""
      aligner   = "ALIGN_MEAN"
      threshold = 0.9
      duration  = 1800
    }
  }

  prometheus_alerts = {
    certificate = {
      title    = "The certificate expires within 14 days"
      severity = "ERROR"
      query    = "min by (exported_namespace, name) (certmanager_certificate_expiration_timestamp_seconds) - time() < 14 * 86400"
      duration = 3600
    }
    waiting_pods = {
      title    = "Pods find no node"
      severity = "WARNING"
      query    = "sum by (namespace) (kube_pod_status_unschedulable{namespace=~\"billocr-.*\"}) > 0"
      duration = 1800
    }
  }

  log_metric_types = { for name in keys(local.log_metrics) : name => "logging.googleapis.com/user/billocr/${name}" }

  runbooks = coalesce(var.runbooks_url, "terraform/runbooks.md")
}

resource "google_monitoring_notification_channel" "ops" {
  display_name = "Bill OCR operators"
  type         = "email"
  labels       = { email_address = var.ops_email }
}

resource "google_logging_metric" "this" {
  for_each = local.log_metrics

  name        = "billocr/${each.key}"
  description = each.value.description
  filter      = "resource.type=\"k8s_container\" AND resource.labels.namespace_name=~\"^billocr-\" AND textPayload=~\"${each.value.pattern}\""

  value_extractor  = can(each.value.value) ? "REGEXP_EXTRACT(textPayload, \"${each.value.value}\")" : null
  label_extractors = { for name, group in try(each.value.labels, {}) : name => "REGEXP_EXTRACT(textPayload, \"${group}\")" }

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = can(each.value.value) ? "DISTRIBUTION" : "INT64"
    unit         = try(each.value.unit, "1")
    display_name = each.value.description

    dynamic "labels" {
      for_each = try(each.value.labels, {})

      content {
        key        = labels.key
        value_type = "STRING"
      }
    }
  }

  dynamic "bucket_options" {
    for_each = can(each.value.value) ? [each.value.buckets] : []

    content {
      explicit_buckets {
        bounds = bucket_options.value
      }
    }
  }
}

resource "google_monitoring_alert_policy" "threshold" {
  for_each = local.alerts

  display_name          = "Bill OCR: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = [google_monitoring_notification_channel.ops.id]
  user_labels           = local.labels

  conditions {
    display_name = each.value.title

    condition_threshold {
      filter          = each.value.filter
      comparison      = try(each.value.comparison, "COMPARISON_GT")
      threshold_value = try(each.value.threshold, 0)
      duration        = "${each.value.duration}s"

      aggregations {
        alignment_period     = "${try(each.value.period, 300)}s"
        per_series_aligner   = each.value.aligner
        cross_series_reducer = try(each.value.reducer, null)
        group_by_fields      = try(each.value.group_by, null)
      }
      trigger {
        count = 1
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "What to do: ${local.runbooks}#${replace(each.key, "_", "-")}"
  }

  # A metric must exist before a policy may name it.
  depends_on = [google_logging_metric.this]
}

resource "google_monitoring_alert_policy" "prometheus" {
  for_each = local.prometheus_alerts

  display_name          = "Bill OCR: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = [google_monitoring_notification_channel.ops.id]
  user_labels           = local.labels

  conditions {
    display_name = each.value.title

    condition_prometheus_query_language {
      query               = each.value.query
      duration            = "${each.value.duration}s"
      evaluation_interval = "300s"
      # cert-manager's metrics are first seen minutes after the first apply.
      disable_metric_validation = true
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "What to do: ${local.runbooks}#${replace(each.key, "_", "-")}"
  }
}

# Rights on the whole project are given by bootstrap alone, by hand: anything else is news.
resource "google_monitoring_alert_policy" "rights" {
  display_name          = "Bill OCR: Somebody changed who may do what in the project"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = [google_monitoring_notification_channel.ops.id]
  user_labels           = local.labels

  conditions {
    display_name = "SetIamPolicy on the project, or a key for a service account"

    condition_matched_log {
      filter = "log_id(\"cloudaudit.googleapis.com/activity\") AND ((resource.type=\"project\" AND protoPayload.methodName=\"SetIamPolicy\") OR protoPayload.methodName=\"google.iam.admin.v1.CreateServiceAccountKey\")"
    }
  }

  alert_strategy {
    auto_close = "86400s"
    notification_rate_limit {
      period = "3600s"
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "What to do: ${local.runbooks}#rights"
  }
}

resource "google_billing_budget" "this" {
  for_each = var.budget == null ? {} : { month = var.budget }

  billing_account = each.value.billing_account
  display_name    = "Bill OCR (${var.bootstrap.project_id})"

  budget_filter {
    projects = ["projects/${var.bootstrap.project_number}"]
  }
  amount {
    specified_amount {
      currency_code = each.value.currency
      units         = tostring(each.value.amount)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]

    content {
      threshold_percent = threshold_rules.value
    }
  }
  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "FORECASTED_SPEND"
  }

  all_updates_rule {
    monitoring_notification_channels = [google_monitoring_notification_channel.ops.id]
  }
}
