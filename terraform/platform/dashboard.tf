# One page for the operator: the product's own figures first, then what it stands on.

locals {
  instances = "resource.label.namespace_name = monitoring.regex.full_match(\"billocr-.*\")"

  # A chart's lines: metric filter, aligner, reducer, labels to group by, legend. Four tiles of 12 columns make a row.
  charts = [
    {
      title = "Bills read an hour"
      unit  = "1"
      lines = [{ filter = "metric.type = \"${local.log_metric_types.bills_read}\" AND resource.type = \"k8s_container\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", group = ["resource.label.namespace_name"], period = 3600, legend = "$${resource.labels.namespace_name}" }]
    },
    {
      title = "Bills failed an hour, by stage"
      unit  = "1"
      lines = [{ filter = "metric.type = \"${local.log_metric_types.bills_failed}\" AND resource.type = \"k8s_container\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", group = ["resource.label.namespace_name", "metric.label.stage"], period = 3600, legend = "$${resource.labels.namespace_name} $${metric.labels.stage}" }]
    },
    {
      title = "Seconds of work a bill"
      unit  = "s"
      lines = [
        for share in ["50", "95"] :
        { filter = "metric.type = \"${local.log_metric_types.reading_seconds}\" AND resource.type = \"k8s_container\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_PERCENTILE_${share}", group = ["resource.label.namespace_name"], period = 600, legend = "${share} % $${resource.labels.namespace_name}" }
      ]
    },
    {
      title = "Mean confidence of a bill's words"
      unit  = "1"
      lines = [{ filter = "metric.type = \"${local.log_metric_types.confidence}\" AND resource.type = \"k8s_container\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_MEAN", group = ["resource.label.namespace_name"], period = 3600, legend = "$${resource.labels.namespace_name}" }]
    },
    {
      title = "Unsure words a bill"
      unit  = "1"
      lines = [{ filter = "metric.type = \"${local.log_metric_types.unsure_words}\" AND resource.type = \"k8s_container\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_MEAN", group = ["resource.label.namespace_name"], period = 3600, legend = "$${resource.labels.namespace_name}" }]
    },
    {
      title = "Poor pictures an hour"
      unit  = "1"
      lines = [{ filter = "metric.type = \"${local.log_metric_types.poor_pictures}\" AND resource.type = \"k8s_container\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", group = ["resource.label.namespace_name"], period = 3600, legend = "$${resource.labels.namespace_name}" }]
    },
    {
      title = "Runs that broke"
      unit  = "1"
      lines = [{ filter = "metric.type = \"${local.log_metric_types.run_failures}\" AND resource.type = \"k8s_container\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", group = ["resource.label.namespace_name"], period = 600, legend = "$${resource.labels.namespace_name}" }]
    },
    {
      title = "Instances answer (share of checks)"
      unit  = "10^2.%"
      lines = [{ filter = "metric.type = \"monitoring.googleapis.com/uptime_check/check_passed\" AND resource.type = \"uptime_url\"", aligner = "ALIGN_FRACTION_TRUE", reducer = "REDUCE_MEAN", group = ["resource.label.host"], period = 600, legend = "$${resource.labels.host}" }]
    },
    {
      title = "Oldest upload that waits"
      unit  = "s"
      lines = [{ filter = "metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" AND resource.type = \"pubsub_subscription\" AND resource.label.subscription_id = monitoring.regex.full_match(\"billocr-.*-uploads\")", aligner = "ALIGN_MAX", reducer = "REDUCE_MAX", group = ["resource.label.subscription_id"], period = 60, legend = "$${resource.labels.subscription_id}" }]
    },
    {
      title = "Dead letters"
      unit  = "1"
      lines = [{ filter = "metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\" AND resource.type = \"pubsub_subscription\" AND resource.label.subscription_id = monitoring.regex.full_match(\"billocr-.*-dead\")", aligner = "ALIGN_MAX", reducer = "REDUCE_MAX", group = ["resource.label.subscription_id"], period = 60, legend = "$${resource.labels.subscription_id}" }]
    },
    {
      title = "Bytes in buckets"
      unit  = "By"
      lines = [{ filter = "metric.type = \"storage.googleapis.com/storage/v2/total_bytes\" AND resource.type = \"gcs_bucket\"", aligner = "ALIGN_MEAN", reducer = "REDUCE_SUM", group = ["resource.label.bucket_name"], period = 3600, legend = "$${resource.labels.bucket_name}" }]
    },
    {
      title = "CPUs of all nodes"
      unit  = "1"
      lines = [{ filter = "metric.type = \"kubernetes.io/node/cpu/total_cores\" AND resource.type = \"k8s_node\"", aligner = "ALIGN_MEAN", reducer = "REDUCE_SUM", group = ["resource.label.cluster_name"], period = 300, legend = "$${resource.labels.cluster_name}" }]
    },
    {
      title = "Database: CPU, memory, disk in use"
      unit  = "10^2.%"
      lines = [
        for what in ["cpu", "memory", "disk"] :
        { filter = "metric.type = \"cloudsql.googleapis.com/database/${what}/utilization\" AND resource.type = \"cloudsql_database\"", aligner = "ALIGN_MEAN", reducer = "REDUCE_MEAN", group = ["resource.label.database_id"], period = 300, legend = what }
      ]
    },
    {
      title = "Database: connections"
      unit  = "1"
      lines = [{ filter = "metric.type = \"cloudsql.googleapis.com/database/postgresql/num_backends\" AND resource.type = \"cloudsql_database\"", aligner = "ALIGN_MEAN", reducer = "REDUCE_SUM", group = ["metric.label.database"], period = 300, legend = "$${metric.labels.database}" }]
    },
    {
      title = "Database: time of a query by user"
      unit  = "us"
      lines = [{ filter = "metric.type = \"cloudsql.googleapis.com/database/postgresql/insights/aggregate/latencies\" AND resource.type = \"cloudsql_instance_database\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_PERCENTILE_95", group = ["metric.label.user"], period = 300, legend = "95 % $${metric.labels.user}" }]
    },
    {
      title = "Memory of pods"
      unit  = "By"
      lines = [{ filter = "metric.type = \"kubernetes.io/container/memory/used_bytes\" AND resource.type = \"k8s_container\" AND ${local.instances}", aligner = "ALIGN_MEAN", reducer = "REDUCE_SUM", group = ["resource.label.namespace_name"], period = 300, legend = "$${resource.labels.namespace_name}" }]
    },
  ]

  chart_tiles = [
    for index, chart in local.charts : {
      xPos   = (index % 4) * 12
      yPos   = 8 + floor(index / 4) * 12
      width  = 12
      height = 12
      widget = {
        title = chart.title
        xyChart = {
          dataSets = [
            for line in chart.lines : {
              plotType       = "LINE"
              legendTemplate = line.legend
              timeSeriesQuery = {
                unitOverride = chart.unit
                timeSeriesFilter = {
                  filter = line.filter
                  aggregation = {
                    alignmentPeriod    = "${line.period}s"
                    perSeriesAligner   = line.aligner
                    crossSeriesReducer = line.reducer
                    groupByFields      = line.group
                  }
                }
              }
            }
          ]
        }
      }
    }
  ]

  below = 8 + ceil(length(local.charts) / 4) * 12

  other_tiles = [
    {
      xPos = 0, yPos = 0, width = 24, height = 8
      widget = {
        title = "Where to look"
        text = {
          format  = "MARKDOWN"
          content = <<-MARKDOWN
            * Runbooks: ${local.runbooks}
            * [Budget and costs](https://console.cloud.google.com/billing/budgets?project=${var.bootstrap.project_id}) ${var.budget == null ? "(no budget is set)" : "(${var.budget.amount} ${var.budget.currency} a month)"}
            * [Costs by namespace](https://console.cloud.google.com/kubernetes/list/costs?project=${var.bootstrap.project_id}) · [Slow queries](https://console.cloud.google.com/sql/instances/billocr/insights?project=${var.bootstrap.project_id}) · [Security posture](https://console.cloud.google.com/kubernetes/security/dashboard?project=${var.bootstrap.project_id})
            * What an instance does at this moment is in its Dagster: `https://<name>-dagster.${var.domain}`
          MARKDOWN
        }
      }
    },
    {
      xPos = 24, yPos = 0, width = 12, height = 8
      widget = {
        title        = "Open incidents"
        incidentList = {}
      }
    },
    {
      xPos = 36, yPos = 0, width = 12, height = 8
      widget = {
        title = "Days that the certificate is still valid"
        scorecard = {
          timeSeriesQuery = {
            prometheusQuery = "min(certmanager_certificate_expiration_timestamp_seconds - time()) / 86400"
          }
          thresholds = [
            { value = 20, color = "YELLOW", direction = "BELOW" },
            { value = 14, color = "RED", direction = "BELOW" },
          ]
        }
      }
    },
    {
      xPos = 0, yPos = local.below, width = 48, height = 16
      widget = {
        title = "Errors"
        logsPanel = {
          filter        = "resource.type=\"k8s_container\" resource.labels.namespace_name=~\"^billocr-\" severity>=ERROR"
          resourceNames = ["projects/${var.bootstrap.project_id}"]
        }
      }
    },
  ]
}

locals {
  # The API leaves zeros out, which would show as changes in every plan.
  tiles = [
    for tile in concat(local.chart_tiles, local.other_tiles) :
    { for name, value in tile : name => value if !contains(["xPos", "yPos"], name) || value != 0 }
  ]
}

resource "google_monitoring_dashboard" "this" {
  dashboard_json = jsonencode({
    displayName  = "Bill OCR"
    mosaicLayout = { columns = 48, tiles = local.tiles }
  })

  depends_on = [google_logging_metric.this]
}
