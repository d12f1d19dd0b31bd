# Two databases, since ours and Dagster's schema each keep their revision in a table `alembic_version`; one user of both.
resource "google_sql_database" "this" {
  for_each = { billocr = replace(local.name, "-", "_"), dagster = "${replace(local.name, "-", "_")}_dagster" }

  name     = each.value
  instance = var.platform.database.instance

  # Leaves the data where it is when the instance is destroyed here; ../README.md removes it.
  deletion_policy = "ABANDON"
}

resource "google_sql_user" "this" {
  name                = replace(local.name, "-", "_")
  instance            = var.platform.database.instance
  password_wo         = ephemeral.random_password.this["database_password"].result
  password_wo_version = var.secret_versions.database_password

  # PostgreSQL drops no user that owns tables.
  deletion_policy = "ABANDON"
}
