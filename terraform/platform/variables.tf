variable "backups" {
  description = "The bucket of backups. `location` must survive the loss of the region; an object cannot be deleted or replaced for `locked_days` and is deleted after `delete_after_days`."
  type = object({
    location          = optional(string, "EU")
    kms_location      = optional(string, "europe")
    locked_days       = optional(number, 14)
    delete_after_days = optional(number, 400)
  })
  default  = {}
  nullable = false

  validation {
    condition     = lower(var.backups.location) != lower(var.bootstrap.region)
    error_message = "Backups must not lie in the region that they are to survive: name another region or a multi-region such as EU."
  }
  validation {
    condition     = var.backups.locked_days >= 1 && var.backups.delete_after_days > var.backups.locked_days
    error_message = "Backups are locked for at least a day and deleted after the lock has ended."
  }
}

variable "bootstrap" {
  description = "The output `bootstrap` of the bootstrap root: TF_VAR_bootstrap=\"$(terraform -chdir=../bootstrap output -json bootstrap)\"."
  type = object({
    project_id     = string
    project_number = string
    region         = string
    labels         = map(string)
    accounts       = object({ build = string, plan = string, apply = string, deploy = string, nodes = string })
    roles          = object({ plan = string, apply = string, deploy = string, dns_solver = string })
  })
  nullable = false
}

variable "budget" {
  description = "The month's budget: alerts at 50, 90 and 100 % of `amount`, and when the forecast exceeds it. `currency` must be the billing account's. Null: no budget."
  type = object({
    billing_account = string
    amount          = number
    currency        = optional(string, "EUR")
  })
  default = null

  validation {
    condition     = var.budget == null || can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.budget.billing_account))
    error_message = "A billing account looks like 012345-6789AB-CDEF01."
  }
  validation {
    condition     = var.budget == null || try(var.budget.amount > 0 && floor(var.budget.amount) == var.budget.amount, false)
    error_message = "The budget's amount is a positive whole number of the currency's units."
  }
}

variable "certificates" {
  description = "Which of Let's Encrypt's services signs: `staging` while trying things out (browsers do not trust it, its limits are wide), then `production`."
  type        = string
  default     = "production"
  nullable    = false

  validation {
    condition     = contains(["production", "staging"], var.certificates)
    error_message = "certificates is production or staging."
  }
}

variable "cluster" {
  description = "The cluster. `zones` are two of the region's zones that have the machine types of all pools. `min_nodes` and `max_nodes` count the nodes of all zones together. A GPU pool whose `max_nodes` is 0 is left out."
  type = object({
    zones   = optional(list(string))
    channel = optional(string, "REGULAR")
    system = optional(object({
      machine_type = optional(string, "e2-standard-4")
      min_nodes    = optional(number, 1)
      max_nodes    = optional(number, 3)
    }), {})
    ocr = optional(object({
      machine_type = optional(string, "c3-standard-4")
      min_nodes    = optional(number, 0)
      max_nodes    = optional(number, 8)
      spot         = optional(bool, true)
    }), {})
    gpu = optional(object({
      machine_type = optional(string, "g2-standard-8")
      accelerator  = optional(string, "nvidia-l4")
      min_nodes    = optional(number, 0)
      max_nodes    = optional(number, 1)
      spot         = optional(bool, true)
    }), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["RAPID", "REGULAR", "STABLE", "EXTENDED"], var.cluster.channel)
    error_message = "cluster.channel is RAPID, REGULAR, STABLE or EXTENDED."
  }
  validation {
    condition     = var.cluster.zones == null || try(length(var.cluster.zones) == 2 && alltrue([for zone in var.cluster.zones : startswith(zone, "${var.bootstrap.region}-")]), false)
    error_message = "cluster.zones names two zones of the region; null takes its zones a and b."
  }
  validation {
    condition     = alltrue([for pool in [var.cluster.system, var.cluster.ocr, var.cluster.gpu] : pool.min_nodes >= 0 && pool.max_nodes >= pool.min_nodes])
    error_message = "In every pool min_nodes lies between 0 and max_nodes."
  }
  validation {
    condition     = var.cluster.ocr.max_nodes >= 1
    error_message = "The ocr pool needs at least one node in max_nodes, or no bill is ever read."
  }
  validation {
    condition     = var.cluster.system.min_nodes >= 1
    error_message = "The system pool needs at least one node: it carries DNS, cert-manager and the pods that answer people."
  }
}

variable "cmek" {
  description = "Encrypt databases, buckets, topics, secrets, registries and disks with keys of this project (Cloud KMS). Choose before the first apply: a database cannot change its key."
  type        = bool
  default     = false
  nullable    = false
}

variable "database" {
  description = "The PostgreSQL server of all instances. `high_availability` keeps a standby in a second zone and doubles the price."
  type = object({
    tier              = optional(string, "db-custom-2-7680")
    disk_gb           = optional(number, 20)
    disk_limit_gb     = optional(number, 200)
    high_availability = optional(bool, true)
    backups_kept      = optional(number, 30)
    backup_location   = optional(string, "eu")
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^db-(custom-[0-9]+-[0-9]+|g1-small|f1-micro)$", var.database.tier))
    error_message = "database.tier looks like db-custom-2-7680: two CPUs and 7680 MiB."
  }
  validation {
    condition     = var.database.disk_gb >= 10 && var.database.disk_limit_gb >= var.database.disk_gb
    error_message = "The database's disk has at least 10 GB and may not start above its limit."
  }
  validation {
    condition     = var.database.backups_kept >= 7 && var.database.backups_kept <= 365
    error_message = "Between 7 and 365 daily backups of the database are kept."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete the cluster, the database and the keys. False only in the apply that comes before a teardown."
  type        = bool
  default     = true
  nullable    = false
}

variable "domain" {
  description = "The domain whose DNS zone is made here, for example bills.example.org. Instances are served at <name>.<domain>."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.domain))
    error_message = "The domain is in small letters, without a dot at its end, as in bills.example.org."
  }
}

variable "maintenance" {
  description = "When Google may restart things, in UTC: the cluster within `start` to `end` on `days`, the database at `database_hour` on `database_day` (1 is Monday)."
  type = object({
    start         = optional(string, "02:00")
    end           = optional(string, "08:00")
    days          = optional(list(string), ["SA", "SU"])
    database_day  = optional(number, 7)
    database_hour = optional(number, 3)
  })
  default  = {}
  nullable = false

  validation {
    condition = try(
      tonumber(split(":", var.maintenance.end)[0]) - tonumber(split(":", var.maintenance.start)[0]) >= 4 &&
      alltrue([for time in [var.maintenance.start, var.maintenance.end] : can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]$", time))]),
    false)
    error_message = "The cluster's window is given as HH:MM in UTC, ends on the day that it starts and is at least four hours long."
  }
  validation {
    condition     = length(var.maintenance.days) >= 2 && alltrue([for day in var.maintenance.days : contains(["MO", "TU", "WE", "TH", "FR", "SA", "SU"], day)])
    error_message = "maintenance.days names at least two of MO, TU, WE, TH, FR, SA and SU: GKE asks for 48 hours in 32 days."
  }
  validation {
    condition     = contains(range(1, 8), var.maintenance.database_day) && contains(range(0, 24), var.maintenance.database_hour)
    error_message = "maintenance.database_day is 1 (Monday) to 7 (Sunday), database_hour 0 to 23."
  }
}

variable "network" {
  description = "Address ranges, which must not overlap with networks that are to be peered later."
  type = object({
    nodes    = optional(string, "10.10.0.0/20")
    pods     = optional(string, "10.20.0.0/16")
    services = optional(string, "10.30.0.0/20")
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for range in values(var.network) : can(cidrhost(range, 0))])
    error_message = "Each range of the network is a CIDR block such as 10.10.0.0/20."
  }
}

variable "ops_email" {
  description = "Where alerts and budget messages go."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", var.ops_email))
    error_message = "ops_email is one e-mail address."
  }
}

variable "runbooks_url" {
  description = "Address of runbooks.md as people open it; alerts link to its sections. Null: alerts name the file."
  type        = string
  default     = null

  validation {
    condition     = var.runbooks_url == null || can(regex("^https://[^#\\s]+$", var.runbooks_url))
    error_message = "runbooks_url starts with https:// and has no # part."
  }
}
