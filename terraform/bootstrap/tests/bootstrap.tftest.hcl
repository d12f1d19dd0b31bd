# `terraform test` needs no credentials: the provider is mocked.
mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
}

variables {
  project_id = "acme-bills"
  gitlab     = { project_id = 4711 }
}

run "only_the_named_gitlab_project_is_believed" {
  command = plan

  assert {
    condition     = google_iam_workload_identity_pool_provider.gitlab.attribute_condition == "assertion.project_id == '4711'"
    error_message = "another GitLab project could exchange its tokens"
  }
  assert {
    condition     = alltrue([for name in ["apply", "deploy"] : local.ci_accounts[name].trust == "attribute.default_branch/true"])
    error_message = "a merge request could change the platform"
  }
}

run "ci_gets_no_primitive_role_and_cannot_grant_on_the_project" {
  command = plan

  assert {
    condition     = alltrue([for member in google_project_iam_member.operators : !contains(["roles/owner", "roles/editor", "roles/viewer"], member.role)])
    error_message = "a primitive role is granted"
  }
  assert {
    condition = alltrue([
      for role in google_project_iam_custom_role.this : length([
        for permission in role.permissions : permission
        if can(regex("^resourcemanager[.].*setIamPolicy$|^iam[.]|[.]versions[.]access$|^storage[.]objects|[.]useTo|^cloudsql[.]instances[.](connect|export|login|executeSql)$", permission))
      ]) == 0
    ])
    error_message = "a role of CI's reads content or grants rights on the project"
  }
  assert {
    condition     = length(setsubtract(google_project_iam_custom_role.this["plan"].permissions, google_project_iam_custom_role.this["apply"].permissions)) == 0
    error_message = "what plan may read, apply may not"
  }
  assert {
    condition     = length([for permission in google_project_iam_custom_role.this["plan"].permissions : permission if can(regex("[.](create|delete|update|setIamPolicy|add|write)$", permission))]) == 0
    error_message = "plan may change something"
  }
}

run "operators_are_people" {
  command = plan
  variables {
    operators = ["serviceAccount:robot@acme-bills.iam.gserviceaccount.com"]
  }
  expect_failures = [var.operators]
}

run "labels_of_our_own_are_refused" {
  command = plan
  variables {
    labels = { app = "other" }
  }
  expect_failures = [var.labels]
}

run "a_slash_after_the_gitlab_address_is_refused" {
  command = plan
  variables {
    gitlab = { project_id = 4711, url = "https://gitlab.example.org/" }
  }
  expect_failures = [var.gitlab]
}

run "organisation_policies_are_a_choice" {
  command = plan
  assert {
    condition     = length(google_org_policy_policy.this) == 0
    error_message = "policies are set that nobody asked for"
  }
}
