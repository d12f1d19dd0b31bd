# Roles made for the purpose, where Google's own would give content (bills, secrets, cluster objects) or the right to
# grant roles away with them. A list says what the resource types of platform and instance call.

locals {
  read = {
    artifactregistry    = ["repositories.get", "repositories.getIamPolicy", "repositories.list"]
    billing             = ["resourcebudgets.read"]
    binaryauthorization = ["policy.get"]
    cloudkms            = ["cryptoKeyVersions.get", "cryptoKeyVersions.list", "cryptoKeys.get", "cryptoKeys.getIamPolicy", "keyRings.get"]
    cloudsql            = ["databases.get", "databases.list", "instances.get", "instances.list", "users.get", "users.list"]
    compute = [
      "globalAddresses.get", "globalOperations.get", "instanceGroupManagers.get", "networks.get", "projects.get",
      "regionOperations.get", "regions.get", "routers.get", "sslPolicies.get", "subnetworks.get", "zones.get", "zones.list",
    ]
    container         = ["clusters.get", "clusters.list", "operations.get", "operations.list"]
    dns               = ["changes.get", "managedZones.get", "managedZones.getIamPolicy", "resourceRecordSets.get", "resourceRecordSets.list"]
    iap               = ["web.getIamPolicy"]
    logging           = ["logMetrics.get", "logMetrics.list"]
    monitoring        = ["alertPolicies.get", "dashboards.get", "notificationChannels.get", "uptimeCheckConfigs.get"]
    pubsub            = ["subscriptions.get", "subscriptions.getIamPolicy", "topics.get", "topics.getIamPolicy"]
    resourcemanager   = ["projects.get"]
    secretmanager     = ["secrets.get", "secrets.getIamPolicy", "versions.get", "versions.list"]
    servicenetworking = ["operations.get", "services.get"]
    serviceusage      = ["services.get", "services.use"]
    storage = [
      "buckets.get", "buckets.getIamPolicy", "buckets.list", "managedFolders.get", "managedFolders.getIamPolicy",
      "managedFolders.list",
    ]
  }

  # Without storage.objects.*, secretmanager.versions.access, cloudsql.instances.connect and .export, cloudkms.*.useTo*,
  # container's cluster objects, resourcemanager.projects.setIamPolicy, iam.roles.* and iam.serviceAccounts.*.
  write = {
    artifactregistry    = ["repositories.create", "repositories.delete", "repositories.setIamPolicy", "repositories.update"]
    billing             = ["resourcebudgets.write"]
    binaryauthorization = ["policy.update"]
    cloudkms            = ["cryptoKeyVersions.destroy", "cryptoKeys.create", "cryptoKeys.setIamPolicy", "cryptoKeys.update", "keyRings.create"]
    cloudsql = [
      "databases.create", "databases.delete", "databases.update", "instances.create", "instances.delete",
      "instances.update", "users.create", "users.delete", "users.update",
    ]
    compute = [
      "globalAddresses.create", "globalAddresses.createInternal", "globalAddresses.delete",
      "globalAddresses.deleteInternal", "globalAddresses.setLabels", "globalAddresses.use", "networks.addPeering",
      "networks.create", "networks.delete", "networks.removePeering", "networks.update", "networks.updatePeering",
      "networks.updatePolicy", "networks.use", "routers.create", "routers.delete", "routers.update", "routers.use",
      "sslPolicies.create", "sslPolicies.delete", "sslPolicies.update", "sslPolicies.use", "subnetworks.create",
      "subnetworks.delete", "subnetworks.expandIpCidrRange", "subnetworks.setPrivateIpGoogleAccess",
      "subnetworks.update", "subnetworks.use",
    ]
    container = ["clusters.create", "clusters.delete", "clusters.update"]
    dns = [
      "changes.create", "managedZones.create", "managedZones.delete", "managedZones.setIamPolicy",
      "managedZones.update", "resourceRecordSets.create", "resourceRecordSets.delete", "resourceRecordSets.update",
    ]
    iap     = ["web.setIamPolicy"]
    logging = ["logMetrics.create", "logMetrics.delete", "logMetrics.update"]
    monitoring = flatten([
      for kind in ["alertPolicies", "dashboards", "notificationChannels", "uptimeCheckConfigs"] :
      ["${kind}.create", "${kind}.delete", "${kind}.update"]
    ])
    pubsub = [
      "subscriptions.create", "subscriptions.delete", "subscriptions.setIamPolicy", "subscriptions.update",
      "topics.attachSubscription", "topics.create", "topics.delete", "topics.setIamPolicy", "topics.update",
    ]
    secretmanager = [
      "secrets.create", "secrets.delete", "secrets.setIamPolicy", "secrets.update", "versions.add", "versions.destroy",
      "versions.disable", "versions.enable",
    ]
    servicenetworking = ["services.addPeering", "services.deleteConnection"]
    storage = [
      "buckets.create", "buckets.delete", "buckets.setIamPolicy", "buckets.update", "managedFolders.create",
      "managedFolders.delete", "managedFolders.setIamPolicy",
    ]
  }

  roles = {
    plan = {
      title       = "Bill OCR CI plan"
      description = "Reads what Terraform manages, not what is in it."
      permissions = [for service, names in local.read : formatlist("${service}.%s", names)]
    }
    apply = {
      title       = "Bill OCR CI apply"
      description = "Changes what Terraform manages; grants roles on single resources only, reads no content."
      permissions = [for service, names in { for key, names in local.read : key => concat(names, lookup(local.write, key, [])) } : formatlist("${service}.%s", names)]
    }
    # What it may do in the cluster is said in the cluster: platform/cluster/deployer.yaml.
    deploy = {
      title       = "Bill OCR CI deploy"
      description = "Reaches the cluster's API; rights inside it come from the cluster's own roles."
      permissions = [["container.clusters.connect", "container.clusters.get", "container.clusters.list", "resourcemanager.projects.get"]]
    }
    # Bound on the zone alone, for cert-manager's DNS-01 answers.
    dns_solver = {
      title       = "Bill OCR DNS-01 solver"
      description = "Writes the TXT records that prove ownership of the domain to Let's Encrypt."
      permissions = [[
        "dns.changes.create", "dns.changes.get", "dns.changes.list", "dns.managedZones.get",
        "dns.resourceRecordSets.create", "dns.resourceRecordSets.delete", "dns.resourceRecordSets.get",
        "dns.resourceRecordSets.list", "dns.resourceRecordSets.update",
      ]]
    }
  }
}

resource "google_project_iam_custom_role" "this" {
  for_each = local.roles

  role_id     = "billocr_${each.key}"
  title       = each.value.title
  description = each.value.description
  permissions = toset(flatten(each.value.permissions))

  depends_on = [google_project_service.this]
}
